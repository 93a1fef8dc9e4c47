// Tabs by the ARIA practices: arrow keys move between them, and the Tab key stops at one.

/** Make tabs of the elements in `root`; `show(name)` shows one, and calls `changed(name)`. */
export function makeTabs(root, changed) {
  const tabs = [...root.querySelectorAll("[role=tab]")];
  const nameOf = (tab) => tab.id.replace("tab-", "");
  const choose = (chosen) => {
    for (const tab of tabs) {
      const isChosen = tab === chosen;
      tab.setAttribute("aria-selected", isChosen);
      tab.tabIndex = isChosen ? 0 : -1;
      document.getElementById(tab.getAttribute("aria-controls")).hidden = !isChosen;
    }
    changed(nameOf(chosen));
  };
  const step = { ArrowLeft: -1, ArrowRight: 1 };
  const end = { Home: 0, End: tabs.length - 1 };
  tabs.forEach((tab, at) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const next = end[event.key] ?? (step[event.key] ? (at + step[event.key] + tabs.length) % tabs.length : null);
      if (next === null) return;
      event.preventDefault();
      choose(tabs[next]);
      tabs[next].focus();
    });
  });
  return { show: (name) => choose(tabs.find((tab) => nameOf(tab) === name) ?? tabs[0]) };
}
