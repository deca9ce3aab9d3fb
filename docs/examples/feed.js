// A client of Toby's notifications for browsers: follows the WebSocket, resumes, holds what there is.
// `items` is a Map of what is there, by id; `token` is up to where it is complete. `goodAccessToken`
// gives one that has not expired, or a promise of one.
//
//     const feed = new Feed(goodAccessToken, () => render(feed.items, feed.unread));
//     feed.follow().then((why) => (why === "outdated" ? location.reload() : logIn()));

const ENDS = { 4401: "session ended", 4406: "outdated" }; // Close codes: it is no use to come back.
const LEFT_THE_LIST = new Set(["archived", "gone"]); // Of items no longer, or not now, in the list.

class Feed {
  constructor(accessToken, changed = () => {}) {
    Object.assign(this, { accessToken, changed, silenceMs: 25000, pauseMs: 500, mostMs: 30000 });
    this.items = new Map();
    // `seq` is of the newest change since the list. Up to it nothing is missing: no news is older.
    this.seq = this.unread = this.unseen = this.failures = 0;
    this.token = this.ended = "";
  }

  // Until it ends: why it has.
  async follow() {
    for (;;) {
      this.retryMs = null;
      await this.connection().catch(() => {}); // Not reached, or cut off.
      if (this.ended) return this.ended;
      const most = Math.min(this.pauseMs * 2 ** this.failures++, this.mostMs);
      await new Promise((go) => setTimeout(go, this.retryMs ?? most * (0.5 + Math.random() / 2)));
    }
  }

  // `{ ids: [...] }`, or `{ up_to: item.content_seq }`: they come back as items, if there is a line.
  read(which) { this.say({ type: "read", ...which }); }
  say(frame) { if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(frame)); }

  // Until it is closed or dead. A ticket is good for one connection, and stands in no log.
  async connection() {
    const { ticket } = await this.call("POST", "/api/v1/notifications/tickets");
    const url = `${location.origin.replace("http", "ws")}/ws/notifications`;
    const socket = this.socket = new WebSocket(url, ["toby.notifications.v1", ticket]);
    this.resumes = Boolean(this.token);
    // One frame after the other: a reset takes a while, and the next wait. After a failure none is.
    let timer, turn = Promise.resolve();
    const code = await new Promise((resolve) => {
      // A script sees no pings of the server's. For a dead line's close it would wait long.
      const leave = () => { socket.close(); resolve(0); };
      const ask = () => { this.say({ type: "ping" }); timer = setTimeout(leave, this.silenceMs); };
      const hear = () => { clearTimeout(timer); timer = setTimeout(ask, this.silenceMs); };
      hear();
      socket.onclose = (event) => resolve(event.code);
      socket.onmessage = (event) => {
        hear();
        turn = turn.then(() => this.take(JSON.parse(event.data)));
        turn.catch(leave);
      };
    });
    clearTimeout(timer);
    this.ended ||= ENDS[code] ?? "";
    await turn;
  }

  async take(frame) {
    if (frame.type === "restart") this.retryMs = frame.retry_ms;
    if (!frame.token) return;
    // Not to where the server is: what lies between is still to come.
    if (frame.type === "ready" && this.token) return this.say({ type: "resume", after: this.token });
    const isAfresh = ["ready", "reset"].includes(frame.type);
    // What has overtaken the answer to a resume comes again by it.
    if (this.resumes && !isAfresh && (frame.prev ?? frame.token) !== this.token) return;
    this.resumes = false;
    if (isAfresh) await this.readList();
    const { item, token, unread = this.unread, unseen = this.unseen } = frame;
    // The list may have had a newer one.
    if (item && item.seq > Math.max(this.seq, this.items.get(item.id)?.seq ?? 0)) {
      this.seq = item.seq;
      if (LEFT_THE_LIST.has(item.state)) this.items.delete(item.id);
      else this.items.set(item.id, item);
    }
    Object.assign(this, { token, unread, unseen, failures: 0 });
    this.changed();
  }

  async readList() {
    this.items.clear();
    Object.assign(this, { seq: 0, token: "" }); // If it fails, it is read anew.
    for (let path = "/api/v1/notifications?limit=100"; path;) {
      const { results, next } = await this.call("GET", path);
      results.forEach((item) => this.items.set(item.id, item));
      path = next;
    }
  }

  async call(method, path) {
    const headers = { Authorization: `Bearer ${await this.accessToken()}` };
    const answer = await fetch(path, { method, headers, signal: AbortSignal.timeout(this.silenceMs) });
    if (answer.status === 401) this.ended = ENDS[4401];
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}`);
    return answer.json();
  }
}
