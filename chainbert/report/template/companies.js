// The company table: rows from the page's data block, a window of them at a time, over all of which it searches.
(() => {
  const one = (id) => document.getElementById(id);
  const ROWS = 25;
  const PAPER = 500;
  const LISTED = 300;
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== null) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  // In Chinese a space stands between characters and what is put among them, as in the rest of the page.
  const HAN = "[\\u3400-\\u9fff]";
  const OTHER = "[A-Za-z0-9]";
  const fill = (message, values) => {
    const filled = message.replace(/\{(\w+)\}/g, (_, name) => values[name]);
    if (document.documentElement.lang !== "zh") return filled;
    const between = (first, second) => new RegExp(`(?<=${first})(?=${second})`, "g");
    return filled.replace(between(HAN, OTHER), " ").replace(between(OTHER, HAN), " ");
  };

  let block = null;
  let words = {};
  let haystack = null;
  // What the reader asked for; it outlives a change of the language.
  const state = { query: "", filters: {}, column: "", down: false, page: 0, only: null, paper: "page" };
  let found = [];

  const unpacked = page.inflate("data").then((text) => {
    block = JSON.parse(text);
    block.n = block.name.length;
    for (const [name, steps] of Object.entries(block.firms)) {
      let at = 0;
      block.firms[name] = steps.map((step) => (at += step));
    }
  });

  const told = (value) => (Object.hasOwn(words.told, value) ? words.told[value] : value);
  const label = (axis, row) => (axis.value[row] < 0 ? "" : axis.values[axis.value[row]]);
  const city = (row) => block.cities[block.city[row]] ?? "";
  const years = (row) =>
    [
      [words.founded, block.founded[row]],
      [words.seen, block.observed[row]],
    ]
      .filter(([, year]) => year)
      .map(([message, year]) => fill(message, { year }));
  const cluster = (row) => {
    const number = block.cluster[row];
    return number === null ? "" : number < 0 ? told("noise") : String(number);
  };
  const plainText = (row) => block.text[row].map((piece) => (typeof piece === "string" ? piece : piece[0])).join("");

  // Column → a company's value, to filter and to sort by.
  const valueOf = (column, row) => {
    if (column === "name") return block.name[row];
    if (column === "city") return city(row);
    if (column === "cluster") return block.cluster[row] === null ? "" : String(block.cluster[row]);
    if (column.startsWith("axis-")) return label(block.axes[Number(column.slice(5))], row);
    return block[column][row] ? String(block[column][row]) : "";
  };

  const listed = (name) => {
    if (!name.startsWith("cluster:")) return block.firms[name] ?? [];
    const number = Number(name.slice(8));
    return block.cluster.flatMap((other, row) => (other === number ? [row] : []));
  };

  const search = () => {
    haystack ??= block.name.map((name, row) =>
      [name, city(row), ...block.axes.map((axis) => label(axis, row)), block.founded[row], block.observed[row], plainText(row)]
        .join("\n")
        .toLowerCase(),
    );
    const wanted = state.query.toLowerCase().split(/\s+/).filter(Boolean);
    const asked = Object.entries(state.filters).filter(([, value]) => value !== "");
    const only = state.only ? listed(state.only.name) : haystack.keys();
    found = [...only].filter(
      (row) =>
        asked.every(([column, value]) => valueOf(column, row) === value) &&
        wanted.every((word) => haystack[row].includes(word)),
    );
    if (state.column) {
      const number = ["founded", "observed", "cluster"].includes(state.column);
      const order = new Intl.Collator(document.documentElement.lang, { numeric: true });
      const keys = new Map(found.map((row) => [row, valueOf(state.column, row)]));
      const sign = state.down ? -1 : 1;
      found.sort((first, second) => {
        const [a, b] = [keys.get(first), keys.get(second)];
        // What is not known comes last, whichever way.
        if (a === "" || b === "") return (a === "") - (b === "") || first - second;
        return sign * (number ? a - b : order.compare(a, b)) || first - second;
      });
    }
  };

  const markOf = (text, marks) => make("mark", {}, text, make("wbr"), make("b", {}, marks.map((mark) => told(block.marks[mark])).join(words.separator)));
  const piecesOf = (row) =>
    block.text[row].map((piece) => (typeof piece === "string" ? piece : markOf(piece[0], piece.slice(1))));
  const nameOf = (row) => {
    const attributes = { dir: "auto", lang: block.zh[row] ? "zh" : "en" };
    const marks = block.named[row];
    return make("bdi", attributes, marks ? markOf(block.name[row], marks) : block.name[row]);
  };
  const cellOf = (column, row) => {
    if (column === "cluster") return [cluster(row)];
    if (!column.startsWith("axis-")) return [column === "city" ? told(city(row)) : valueOf(column, row)];
    const axis = block.axes[Number(column.slice(5))];
    const status = axis.status[row] < 0 ? [] : [make("small", {}, told(block.statuses[axis.status[row]]))];
    return [told(label(axis, row)), ...status];
  };

  const group = (row) => {
    const rest = words.columns.slice(1);
    const head = make("th", { scope: "rowgroup", rowspan: "2" }, make("a", { href: `#c${row}` }, nameOf(row)));
    const first = make("tr", {}, head);
    for (const column of rest) {
      const title = document.querySelector(`th[data-column="${column}"]`)?.textContent.trim() ?? "";
      first.append(make("td", { "data-head": title, dir: "auto" }, ...cellOf(column, row)));
    }
    const pieces = piecesOf(row);
    const says = make("td", { colspan: String(rest.length), dir: "auto", lang: block.language[row] || null });
    if (pieces.length) says.append(...pieces);
    else says.append(make("small", { lang: document.documentElement.lang }, words.quiet));
    return make("tbody", { id: `c${row}`, tabindex: "-1" }, first, make("tr", { class: "says" }, says));
  };

  const pages = () => Math.max(1, Math.ceil(found.length / ROWS));
  const render = (rows = found.slice(state.page * ROWS, (state.page + 1) * ROWS)) => {
    const table = document.querySelector("table.companies");
    if (!table) return;
    table.querySelectorAll("tbody").forEach((body) => body.remove());
    table.append(...rows.map(group));
    if (!rows.length) {
      const empty = make("td", { colspan: String(words.columns.length) }, words.none);
      table.append(make("tbody", {}, make("tr", {}, empty)));
    }
    const many = (n) => n.toLocaleString("en");
    one("hits").textContent = fill(words.hits, { n: many(found.length), all: many(block.n) });
    one("page").textContent = fill(words.page, { page: state.page + 1, pages: pages() });
    one("before").disabled = state.page === 0;
    one("after").disabled = state.page >= pages() - 1;
    table.querySelectorAll("th[data-column]").forEach((head) => {
      const way = head.dataset.column !== state.column ? "none" : state.down ? "descending" : "ascending";
      head.setAttribute("aria-sort", way);
    });
    const only = one("only");
    only.hidden = !state.only;
    if (state.only)
      only.firstElementChild.textContent = fill(words.only, { what: state.only.what });
    paperNote(rows.length);
  };
  const paperNote = (shown) => {
    const n = { none: 0, page: shown, all: Math.min(found.length, PAPER) }[state.paper];
    one("paper-note").textContent = fill(words.cut, { n, all: block.n });
    document.querySelector(".browse").dataset.paper = state.paper;
  };
  const update = () => {
    search();
    state.page = Math.min(state.page, pages() - 1);
    render();
  };
  const restart = () => {
    state.page = 0;
    update();
  };

  // Bring a company's row before the reader, whatever the table shows.
  page.reveal = async (row) => {
    await unpacked;
    if (!(row >= 0 && row < block.n) || !document.querySelector("table.companies")) return;
    if (!found.includes(row)) {
      Object.assign(state, { query: "", filters: {}, only: null });
      controls();
      search();
    }
    state.page = Math.floor(found.indexOf(row) / ROWS);
    render();
    const target = one(`c${row}`);
    document.querySelectorAll(".companies tbody.here").forEach((body) => body.classList.remove("here"));
    target.classList.add("here");
    target.scrollIntoView({ block: "center" });
    target.focus({ preventScroll: true });
  };
  const fromAddress = () => {
    const row = /^#c(\d+)$/.exec(location.hash);
    if (row) page.reveal(Number(row[1]));
  };

  // What the map's tip says of a company.
  page.card = (row, tip) => {
    if (!block) return;
    tip.append(make("strong", { dir: "auto" }, block.name[row]));
    tip.append(make("div", { dir: "auto" }, [told(city(row)), ...years(row)].filter(Boolean).join(words.separator)));
    for (const axis of block.axes)
      if (label(axis, row)) tip.append(make("div", {}, `${told(axis.name)} `, make("strong", {}, told(label(axis, row)))));
    const marks = block.text[row].filter((piece) => typeof piece !== "string").slice(0, 3);
    for (const piece of marks) tip.append(make("p", { dir: "auto" }, markOf(piece[0], piece.slice(1))));
  };
  page.points = async () => {
    await unpacked;
    return block.x.flatMap((x, row) =>
      x === null
        ? []
        : [
            {
              x,
              y: block.y[row],
              city: told(city(row)),
              name: block.name[row],
              year: years(row).join(words.separator),
              row,
              group: words.charted.includes(city(row)) ? city(row) : words.others,
            },
          ],
    );
  };

  // The companies behind a number, below the row in which it stands.
  const firmList = (name, what) => {
    const rows = listed(name);
    const items = rows.slice(0, LISTED).map((row) => {
      const known = [told(city(row)), block.observed[row] || ""].filter(Boolean).join(" ");
      return make("li", {}, make("a", { href: `#c${row}` }, nameOf(row)), make("small", { dir: "auto" }, ` ${known}`));
    });
    if (rows.length > LISTED) items.push(make("li", {}, fill(words.more, { n: rows.length - LISTED })));
    const button = make("button", { type: "button" }, words.show);
    button.addEventListener("click", () => {
      Object.assign(state, { query: "", filters: {}, only: { name, what } });
      controls();
      restart();
      one("companies").scrollIntoView();
      one("search").focus({ preventScroll: true });
    });
    return [make("p", { dir: "auto" }, make("strong", {}, what)), make("ul", {}, ...items), button];
  };
  const toggle = async (button) => {
    await unpacked;
    const open = button.getAttribute("aria-expanded") === "true";
    const row = button.closest("tr");
    row.parentElement.querySelectorAll("tr.list").forEach((list) => list.remove());
    row.parentElement.querySelectorAll("[data-firms]").forEach((other) => other.setAttribute("aria-expanded", "false"));
    if (open) return;
    button.setAttribute("aria-expanded", "true");
    const columns = [...row.children].reduce((sum, cell) => sum + cell.colSpan, 0);
    const what = (button.getAttribute("aria-label") ?? button.textContent).split(/[;；]/)[0];
    const list = make("tr", { class: "list", "data-list": button.dataset.firms });
    list.append(make("td", { colspan: String(columns) }, ...firmList(button.dataset.firms, what)));
    row.after(list);
  };

  // Set what the reader sees of the state.
  const controls = () => {
    one("search").value = state.query;
    document.querySelectorAll("[data-filter]").forEach((choice) => {
      choice.value = state.filters[choice.dataset.filter] ?? "";
    });
    one("order").value = state.column || "name";
    one("on-paper").value = state.paper;
  };
  let waiting = 0;
  const listen = () => {
    one("search").addEventListener("input", (event) => {
      state.query = event.target.value;
      clearTimeout(waiting);
      waiting = setTimeout(restart, block.n > 2000 ? 150 : 0);
    });
    document.querySelector(".browse form").addEventListener("submit", (event) => event.preventDefault());
    document.querySelectorAll("[data-filter]").forEach((choice) =>
      choice.addEventListener("change", () => {
        state.filters[choice.dataset.filter] = choice.value;
        restart();
      }),
    );
    document.querySelectorAll("th[data-column] button").forEach((button) =>
      button.addEventListener("click", () => {
        const column = button.parentElement.dataset.column;
        state.down = state.column === column && !state.down;
        state.column = column;
        one("order").value = column;
        restart();
      }),
    );
    one("order").addEventListener("change", (event) => {
      Object.assign(state, { column: event.target.value, down: false });
      restart();
    });
    one("clear").addEventListener("click", () => {
      Object.assign(state, { query: "", filters: {}, column: "", down: false, only: null });
      controls();
      restart();
    });
    one("only").querySelector("button").addEventListener("click", () => {
      state.only = null;
      restart();
    });
    const turn = (step) => () => {
      state.page += step;
      render();
      document.querySelector("table.companies").scrollIntoView();
    };
    one("before").addEventListener("click", turn(-1));
    one("after").addEventListener("click", turn(1));
    one("on-paper").addEventListener("change", (event) => {
      state.paper = event.target.value;
      render();
    });
  };

  // For the page as it stands now, in its language. What was open is opened again.
  page.mountCompanies = async (open = []) => {
    await unpacked;
    words = JSON.parse(one("script-words").textContent);
    document.querySelectorAll("[data-firms]").forEach((button) => {
      button.addEventListener("click", () => toggle(button));
      if (open.includes(button.dataset.firms)) toggle(button);
    });
    const browse = document.querySelector(".browse");
    if (!browse) return;
    browse.hidden = false;
    listen();
    controls();
    update();
  };
  page.openLists = () => [...document.querySelectorAll("tr.list")].map((list) => list.dataset.list);

  addEventListener("hashchange", fromAddress);
  addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='#c']");
    const row = link && /^#c(\d+)$/.exec(link.getAttribute("href"));
    if (row && location.hash === row[0]) page.reveal(Number(row[1]));
  });
  addEventListener("beforeprint", () => {
    if (block && state.paper === "all" && found.length > ROWS) render(found.slice(0, PAPER));
  });
  addEventListener("afterprint", () => block && state.paper === "all" && render());
  page.arrive = fromAddress;
})();
