"use strict";
// Charts are drawn when a reader comes near them, all that are left before the page is printed, and again for another
// language. `page` is what the files of this script share.
const page = {};
(() => {
  const one = (id) => document.getElementById(id);
  const NEAR = "900px 0px";
  // Above so many dots a map is one picture instead of as many elements.
  const DOTS = 3000;
  const colours = JSON.parse(one("colours").textContent);
  const views = new Map();

  // Base64 of gzip of UTF-8, as the script elements of the page carry it.
  page.inflate = async (id) => {
    const element = one(id);
    const text = element.textContent.trim();
    element.textContent = "";
    const bytes = Uint8Array.fromBase64
      ? Uint8Array.fromBase64(text)
      : Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).text();
  };

  // The chart library is run as a script of the page: the content policy knows its hash.
  let loading;
  const library = () =>
    (loading ??= window.vegaEmbed
      ? Promise.resolve()
      : page.inflate("library").then((text) => {
          const script = document.createElement("script");
          script.textContent = text;
          document.head.append(script);
        }));

  // A colour of the figures becomes its CSS variable, or on a canvas the variable's value; company data are not touched.
  const themed = (part, colour, key) => {
    if (key === "datasets") return part;
    if (Array.isArray(part)) return part.map((item) => themed(item, colour));
    if (part && typeof part === "object")
      return Object.fromEntries(Object.entries(part).map(([name, item]) => [name, themed(item, colour, name)]));
    return typeof part === "string" && Object.hasOwn(colours, part) ? colour(colours[part]) : part;
  };
  const computed = (variable) =>
    getComputedStyle(document.documentElement).getPropertyValue(variable.slice(4, -1)).trim();

  const tip = one("tip");
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
    const row = value.row === undefined ? NaN : Number(value.row);
    if (!Number.isNaN(row) && page.card) page.card(row, tip);
    else Object.entries(value).forEach(([name, text]) => line(`${name}: ${text}`));
    place(event);
  };
  page.hideTip = () => {
    tip.hidden = true;
  };
  addEventListener("keydown", (event) => event.key === "Escape" && page.hideTip());
  addEventListener("scroll", page.hideTip, { passive: true });

  const draw = async (box) => {
    if (views.has(box)) return;
    views.set(box, null);
    await library();
    const written = JSON.parse(one(`spec-${box.dataset.chart}`).textContent);
    const isMap = box.dataset.chart === "map";
    if (isMap && page.points) written.datasets = { [written.data.name]: await page.points() };
    const picture = isMap && page.points && Object.values(written.datasets)[0].length > DOTS;
    const spec = themed(written, picture ? computed : (variable) => variable);
    spec.width = "container";
    spec.autosize = { type: "fit-x", contains: "padding" };
    const options = { renderer: picture ? "canvas" : "svg", actions: false, ast: true, tooltip: show };
    const { view } = await vegaEmbed(box, spec, options);
    box.classList.toggle("picture", picture);
    // To a screen reader a chart is one picture with its words; its numbers are in the table below it.
    const form = box.querySelector("form");
    if (form && !form.children.length) form.remove();
    box.removeAttribute("aria-roledescription");
    box.setAttribute("role", box.querySelector("form") ? "group" : "img");
    box.querySelector("svg, canvas").setAttribute("aria-hidden", "true");
    views.set(box, view);
    if (isMap && page.reveal)
      view.addEventListener("click", (_, item) => {
        if (item && item.datum && item.datum.row !== undefined) page.reveal(item.datum.row);
      });
  };

  // One after the other, with a pause for the reader between them: the page can be used while the last are drawn.
  let last = Promise.resolve();
  const queue = (box) => {
    last = last.then(() => draw(box).catch(console.error)).then(() => new Promise((done) => setTimeout(done)));
    return last;
  };
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const entry of entries)
        if (entry.isIntersecting) {
          watcher.unobserve(entry.target);
          queue(entry.target);
        }
    },
    { rootMargin: NEAR },
  );
  const boxes = () => [...document.querySelectorAll("[data-chart]")];

  page.watchCharts = () => {
    watcher.disconnect();
    for (const [box, view] of views) {
      view?.finalize();
      box.replaceChildren();
    }
    views.clear();
    boxes().forEach((box) => watcher.observe(box));
  };
  page.drawAll = () => {
    watcher.disconnect();
    return Promise.all(boxes().map((box) => draw(box).catch(console.error)));
  };
  // Pictures have their colours in them.
  page.recolour = () => {
    for (const [box, view] of views)
      if (view && box.classList.contains("picture")) {
        view.finalize();
        views.delete(box);
        queue(box);
      }
  };
  // No chart waits for anything but the library, so they are drawn before the printer looks.
  addEventListener("beforeprint", () => page.drawAll());
  matchMedia("(prefers-color-scheme:dark)").addEventListener("change", () => page.recolour());
  page.ready = library;
  page.watchCharts();
})();
