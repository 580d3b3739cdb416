"use strict";
(() => {
  const one = (id) => document.getElementById(id);
  const tip = one("tip");
  const colours = JSON.parse(one("colours").textContent);

  // A colour of the figures becomes its CSS variable; company data are not touched.
  const themed = (part, key) => {
    if (key === "datasets") return part;
    if (Array.isArray(part)) return part.map((item) => themed(item));
    if (part && typeof part === "object")
      return Object.fromEntries(Object.entries(part).map(([name, item]) => [name, themed(item, name)]));
    return typeof part === "string" && Object.hasOwn(colours, part) ? colours[part] : part;
  };

  const line = (text, tag = "div") => {
    const element = document.createElement(tag);
    element.textContent = text;
    tip.append(element);
  };
  const place = (event) => {
    const box = tip.getBoundingClientRect();
    const left = Math.min(event.clientX + 14, innerWidth - box.width - 8);
    const below = event.clientY + 14;
    tip.style.left = `${Math.max(left, 8)}px`;
    tip.style.top = `${below + box.height > innerHeight ? Math.max(event.clientY - box.height - 14, 8) : below}px`;
  };
  const show = (_, event, item, value) => {
    tip.hidden = !value || typeof value !== "object";
    if (tip.hidden) return;
    tip.replaceChildren();
    const row = value.row === undefined ? null : one(`c${String(value.row).replace(/\D/g, "")}`);
    if (row) {
      line(value.name, "strong");
      line([value.city, value.year].filter(Boolean).join(", "));
      row.querySelectorAll("td:nth-child(2) div").forEach((label) => tip.append(label.cloneNode(true)));
      [...row.querySelectorAll("mark")].slice(0, 3).forEach((mark) => {
        const quote = document.createElement("p");
        quote.append(mark.cloneNode(true));
        tip.append(quote);
      });
    } else Object.entries(value).forEach(([name, text]) => line(`${name}: ${text}`));
    place(event);
  };

  const draw = async (box) => {
    const spec = themed(JSON.parse(one(`spec-${box.dataset.chart}`).textContent));
    spec.width = "container";
    spec.autosize = { type: "fit-x", contains: "padding" };
    const options = { renderer: "svg", actions: false, ast: true, tooltip: show };
    const { view } = await vegaEmbed(box, spec, options);
    if (box.dataset.chart === "map")
      view.addEventListener("click", (_, item) => {
        if (item && item.datum && item.datum.row !== undefined) location.hash = `c${item.datum.row}`;
      });
  };
  // One after the other, with a pause for the reader between them: the page can be used while the last are drawn.
  (async () => {
    for (const box of document.querySelectorAll("[data-chart]")) {
      await draw(box).catch(console.error);
      await new Promise((done) => setTimeout(done));
    }
  })();

  const search = one("search");
  if (!search) return;
  const rows = [...document.querySelectorAll(".companies tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  search.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let hits = 0;
    rows.forEach((row, place) => {
      row.hidden = !words.every((word) => texts[place].includes(word));
      hits += !row.hidden;
    });
    one("hits").textContent = words.length ? `${hits} of ${rows.length}` : "";
  });
})();
