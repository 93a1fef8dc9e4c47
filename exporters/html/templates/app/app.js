// The page as a whole: its tabs, the slider for graph and charts, and the newest data if a server follows the run.

import { mountViewers } from "./viewer/viewer.js";
import { showMemory } from "./memory.js";
import { showParameters } from "./parameters.js";
import { overlayOf, StepBar } from "./steps.js";
import { makeTabs } from "./tabs.js";
import { TrainingTab } from "./training.js";

const data = JSON.parse(document.getElementById("fxviz-app").textContent);
const panelOf = (name) => document.getElementById(`panel-${name}`);
const [viewer = null] = mountViewers(document);

// Tabs, each named by the fragment of the address.
const bar = document.querySelector(".steps");
const tabs = makeTabs(document.querySelector(".app"), (name) => {
  if (name === "memory") drawMemory(); // at the sizes that the reader has chosen on the graph
  bar.hidden = !data.run || !["graph", "training"].includes(name);
  // In a frame by srcdoc, a bare "#name" would be relative to the address of the page around.
  if (location.hash.slice(1) !== name) history.replaceState(null, "", new URL(`#${name}`, location.href));
});
window.addEventListener("hashchange", () => tabs.show(location.hash.slice(1)));

const showPath = (path) => {
  tabs.show("graph");
  viewer.showPath(path);
};
const go = viewer && showPath;

if (data.parameters?.length) showParameters(panelOf("parameters"), data.parameters, go);

function drawMemory() {
  const showMoment = ({ route, path }) => {
    tabs.show("graph");
    if (route) viewer.go(viewer.at(route));
    else viewer.showPath(path);
  };
  showMemory(panelOf("memory"), data.memory, viewer.sizes, showMoment);
}

// The training, on its own tab and on the graph.
if (data.run) {
  const training = new TrainingTab(panelOf("training"), { go, pick: (at) => steps.go(at) });
  let coloured = null; // the metric that last coloured the graph here
  const steps = new StepBar(bar, (run, at, metric, isNews) => {
    training.mark(at);
    if (!viewer || !metric) return;
    // News of the run do not take away a colour that the reader has chosen.
    if (isNews && coloured !== null && viewer.chosenColor()?.label !== coloured) return;
    coloured = metric.name;
    viewer.overlay(overlayOf(run, at, metric));
  });
  const update = (run) => {
    training.update(run);
    steps.update(run);
  };
  update(data.run);
  if (data.live) follow(update);
}
tabs.show(location.hash.slice(1));

/** Take the messages of the server. Each has the whole run, so that a lost one does not matter. */
function follow(update) {
  const state = document.querySelector(".state");
  const source = new EventSource("events");
  source.addEventListener("message", ({ data: text }) => {
    const { run, fault } = JSON.parse(text);
    if (run) update(run);
    state.textContent = fault ?? (run.state ? `${run.state}` : "live");
    state.classList.toggle("fault", Boolean(fault));
  });
  source.addEventListener("error", () => {
    state.textContent = "no connection: the server has stopped, or will be back";
    state.classList.add("fault");
  });
}

document.querySelector(".scheme").addEventListener("click", (event) => {
  const isDark = getComputedStyle(event.target).getPropertyValue("--scheme").trim() === "dark";
  for (const part of document.querySelectorAll(".fxviz")) part.dataset.scheme = isDark ? "light" : "dark";
});
