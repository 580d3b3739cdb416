"""The README's pictures, drawn from a finished demo run by the same figures as its page.

.venv/bin/python scripts/pictures.py [--run runs/demo]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import vl_convert

from chainbert.report.exhibits import gap_figure, share_figures
from chainbert.report.findings import city_order
from chainbert.report.palette import choose_colours
from chainbert.report.runfiles import read_run
from chainbert.wording import Cloud


def main() -> None:
    """Write docs/gap.png, docs/shares.png and docs/cloud.png."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, default=Path("runs/demo"))
    run = parser.parse_args().run
    files = read_run(run)
    cities = choose_colours(city_order(files))
    gaps, shares = gap_figure(files, cities), share_figures(files, cities)
    if gaps is None or shares is None:
        raise SystemExit("the run has no gaps or no shares to draw")
    panels = {"gap": gaps.panels[0], "shares": shares[0].panels[0]}
    folder = Path(__file__).parent.parent / "docs"
    folder.mkdir(exist_ok=True)
    for name, panel in panels.items():
        specification = json.dumps(panel.chart.properties(background="white").to_dict())
        # Outside a browser "system-ui" is no font, and its replacement lacks the minus sign.
        picture = vl_convert.vegalite_to_png(specification.replace("system-ui", "DejaVu Sans"), scale=2)
        (folder / f"{name}.png").write_bytes(picture)
    cloud = Cloud.from_json((run / "cloud.json").read_text(encoding="utf-8"))
    (folder / "cloud.png").write_bytes(vl_convert.svg_to_png(cloud.svg(), scale=1.4))


if __name__ == "__main__":
    main()
