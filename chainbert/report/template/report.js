// The page itself: its languages, its contents, its colours, and the start of everything.
(() => {
  const one = (id) => document.getElementById(id);
  const root = document.documentElement;
  const report = one("report");
  root.classList.add("js");

  // Each language's page as it was written; the other one is inflated when it is first asked for.
  const first = root.lang;
  const other = one("other").dataset.lang;
  const written = { [first]: report.innerHTML };

  const dark = matchMedia("(prefers-color-scheme:dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : dark.matches);
  const themeButton = () => {
    const button = one("theme");
    button.setAttribute("aria-pressed", String(isDark()));
  };

  // Where the reader is: the last element with a name above the middle of the window, and how far it is from the top.
  const anchor = () => {
    const named = [...report.querySelectorAll("section[id], h3, figure, details")];
    const place = named.findLastIndex((element) => element.getBoundingClientRect().top < innerHeight / 3);
    return place < 0 ? null : { place, count: named.length, top: named[place].getBoundingClientRect().top };
  };
  const goTo = (at) => {
    if (!at) return;
    const named = [...report.querySelectorAll("section[id], h3, figure, details")];
    const target = named[Math.min(at.place, named.length - 1)];
    scrollBy({ top: target.getBoundingClientRect().top - at.top, behavior: "instant" });
  };
  const charts = () => [...report.querySelectorAll("[data-chart]")];
  const opened = () => [...report.querySelectorAll("details")].map((part) => part.open);

  const speak = async () => {
    const language = root.lang === first ? other : first;
    written[language] ??= await page.inflate("other");
    const [at, open, lists] = [anchor(), opened(), page.openLists()];
    const heights = new Map(charts().map((box) => [box.dataset.chart, box.offsetHeight]));
    page.hideTip();
    root.lang = report.lang = language;
    report.innerHTML = written[language];
    report.querySelectorAll("details").forEach((part, place) => (part.open = open[place] ?? part.open));
    // So that nothing moves when the charts are drawn again.
    for (const box of charts()) box.style.minHeight = `${heights.get(box.dataset.chart)}px`;
    await mount(lists);
    goTo(at);
    one("switch").focus({ preventScroll: true });
  };

  const copy = async (button) => {
    const words = JSON.parse(one("script-words").textContent);
    const source = one(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      // A page opened from a disk may not be allowed to: mark the text and copy that.
      const range = document.createRange();
      range.selectNodeContents(source);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      document.execCommand("copy");
    }
    const said = button.textContent;
    button.textContent = words.copied;
    setTimeout(() => (button.textContent = said), 1500);
  };

  const follow = () => {
    const links = [...one("toc").querySelectorAll("a")];
    const sections = links.map((link) => one(link.hash.slice(1)));
    let place = sections.findLastIndex((section) => section && section.getBoundingClientRect().top < innerHeight / 3);
    if (innerHeight + scrollY >= root.scrollHeight - 2) place = sections.length - 1;
    links.forEach((link, at) => (at === place ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current")));
  };
  let following = 0;
  const soon = () => {
    cancelAnimationFrame(following);
    following = requestAnimationFrame(follow);
  };

  const mount = async (lists = []) => {
    for (const id of ["switch", "theme", "print"]) one(id).hidden = false;
    report.querySelectorAll("[data-copy]").forEach((button) => {
      button.hidden = false;
      button.addEventListener("click", () => copy(button));
    });
    one("switch").addEventListener("click", speak);
    one("theme").addEventListener("click", () => {
      root.dataset.theme = isDark() ? "light" : "dark";
      themeButton();
      page.recolour();
    });
    one("print").addEventListener("click", async () => {
      await page.drawAll();
      print();
    });
    const contents = one("contents");
    const unfold = (open) => contents.setAttribute("aria-expanded", String(open));
    contents.addEventListener("click", () => unfold(contents.getAttribute("aria-expanded") !== "true"));
    one("toc").addEventListener("click", () => unfold(false));
    themeButton();
    page.watchCharts();
    await page.mountCompanies(lists);
    follow();
  };

  addEventListener("scroll", soon, { passive: true });
  addEventListener("resize", soon);
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") one("contents").setAttribute("aria-expanded", "false");
  });
  dark.addEventListener("change", themeButton);
  // Details that a card folds away on screen are read on paper.
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...report.querySelectorAll("details.rests:not([open])")];
    folded.forEach((part) => (part.open = true));
  });
  addEventListener("afterprint", () => folded.forEach((part) => (part.open = false)));

  mount().then(() => {
    root.dataset.ready = "";
    page.arrive();
    // The library is there before anybody asks for it, and so before print.
    setTimeout(page.ready);
  });
})();
