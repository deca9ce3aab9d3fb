// The stock EventSource of Node's `eventsource` package. What comes to it is printed, a line each.
const { EventSource } = require("eventsource");

const { STREAM, TOKEN } = process.env;
const say = (type, more) => console.log(JSON.stringify({ type, ...more }));

const source = new EventSource(STREAM, {
  fetch: (url, init) =>
    fetch(url, { ...init, headers: { ...init.headers, Authorization: `Bearer ${TOKEN}` } }),
});
source.onopen = () => say("opened");
source.onmessage = (event) => console.log(event.data);
source.onerror = () => say(source.readyState === EventSource.CLOSED ? "given up" : "cut");
