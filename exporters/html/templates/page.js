// A page with one viewer: the part of its address after # is the path of a module to show.

import { mountViewers } from "./viewer/viewer.js";

const [viewer] = mountViewers(document);
viewer.element.focus();
const follow = () => viewer.showPath(decodeURIComponent(location.hash.slice(1)));
window.addEventListener("hashchange", follow);
if (location.hash) follow();
