/* The moderators' keys. j and k move, x chooses, o or Enter opens, a approves and r rejects: these two
   only lead to the page that shows what was chosen and asks. Nothing is decided here. */
"use strict";
(() => {
  const ROWS = "#result_list tbody tr";
  const ACTIONS = { a: "approve", r: "reject" };

  const focused = () => document.activeElement?.closest(ROWS);
  const follow = (selector, within = document) => within?.querySelector(selector)?.click();

  function move(step) {
    const rows = [...document.querySelectorAll(ROWS)];
    const place = rows.indexOf(focused());
    const next = place < 0 ? rows.at(step > 0 ? 0 : -1) : rows[place + step];
    if (next) {
      next.tabIndex = -1;
      next.focus();
    } else if (rows.length === 0) {
      follow(step > 0 ? "a.toby-next" : "a.toby-previous");
    }
  }

  // In the queue with what is selected, else with the row that has the focus.
  function start(action) {
    follow(`.toby-acts button[value=${action}]`);
    const queue = document.querySelector("#changelist-form");
    const actions = queue?.querySelector("select[name=action]");
    if (!actions?.querySelector(`option[value=${action}]`)) return;
    if (!queue.querySelector(".action-select:checked")) follow(".action-select", focused());
    if (!queue.querySelector(".action-select:checked")) return;
    actions.value = action;
    follow("button[name=index]", queue);
  }

  function press(key, isRepeated) {
    if (key === "j") move(1);
    else if (key === "k") move(-1);
    else if (isRepeated) return;
    else if (key === "x") follow(".action-select", focused());
    else if (key === "o") follow("th a", focused());
    else if (key in ACTIONS) start(ACTIONS[key]);
  }

  const isField = (element) =>
    element?.matches("input:not([type=checkbox]), textarea, select, [contenteditable]");

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (isField(document.activeElement)) return;
    // Elsewhere Enter is the browser's: on a link, a button, a box.
    const opens = event.key === "Enter" && document.activeElement?.matches(ROWS);
    press(opens ? "o" : event.key, event.repeat);
  });
})();
