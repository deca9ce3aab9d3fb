// A client of Toby's notifications for browsers: follows the WebSocket, resumes, holds what there is.
// `items` is a Map of what is there, by id; `token` is up to where it is complete.
//
//     const feed = new Feed(goodAccessToken, () => render(feed.items, feed.unread));
//     feed.follow();
//
// `goodAccessToken` gives one that has not expired, or a promise of one.

// Closed for good: the session has ended, or a newer client is needed.
const FINAL = [4401, 4406];
// Of items that are no longer, or not now, in the list.
const LEFT_THE_LIST = new Set(["archived", "gone"]);
const FIRST_PAUSE_MS = 500, LAST_PAUSE_MS = 30000;

class Feed {
  constructor(accessToken, changed = () => {}) {
    Object.assign(this, { accessToken, changed });
    this.items = new Map();
    // Of every version that was seen, tombstones too: an older one that comes late is no news.
    this.seqs = new Map();
    this.unread = this.unseen = this.failures = 0;
    this.token = "";
    this.resumes = this.ended = false;
  }

  async follow() {
    while (!this.ended) {
      const most = Math.min(FIRST_PAUSE_MS * 2 ** this.failures, LAST_PAUSE_MS);
      this.pause = most * (0.5 + Math.random() / 2);
      // Not reached, or cut off.
      await this.connection().catch(() => {});
      this.failures += 1;
      await new Promise((resolve) => setTimeout(resolve, this.pause));
    }
  }

  // Until it is closed. A ticket is good for one connection, and stands in no log.
  async connection() {
    const { ticket } = await this.call("POST", "/api/v1/notifications/tickets");
    const url = `${location.origin.replace("http", "ws")}/ws/notifications`;
    const socket = new WebSocket(url, ["toby.notifications.v1", ticket]);
    // One frame after the other: a reset takes a while, and the next wait. After a failure none is.
    let turn = Promise.resolve();
    socket.onmessage = (event) => {
      turn = turn.then(() => this.take(JSON.parse(event.data), socket));
      turn.catch(() => socket.close());
    };
    const closed = await new Promise((resolve) => { socket.onclose = resolve; });
    this.ended = this.ended || FINAL.includes(closed.code);
    await turn;
  }

  async take(frame, socket) {
    if (frame.type === "restart") this.pause = frame.retry_ms;
    if (!frame.token) return;
    const isAfresh = frame.type === "reset" || (frame.type === "ready" && !this.token);
    if (frame.type === "ready" && !isAfresh) {
      // Not to where the server is: what lies between is still to come.
      this.resumes = true;
      return socket.send(JSON.stringify({ type: "resume", after: this.token }));
    }
    // What has overtaken the answer to a resume comes again by it.
    if (this.resumes && !isAfresh && (frame.prev ?? frame.token) !== this.token) return;
    this.resumes = false;
    if (isAfresh) await this.readList();
    if (frame.type === "item") this.takeItem(frame.item);
    this.failures = 0;
    this.token = frame.token;
    this.unread = frame.unread ?? this.unread;
    this.unseen = frame.unseen ?? this.unseen;
    this.changed();
  }

  takeItem(item) {
    if (item.seq <= (this.seqs.get(item.id) ?? 0)) return;
    this.seqs.set(item.id, item.seq);
    if (LEFT_THE_LIST.has(item.state)) this.items.delete(item.id);
    else this.items.set(item.id, item);
  }

  async readList() {
    this.items.clear();
    this.seqs.clear();
    this.token = ""; // If it fails, it is read anew.
    for (let path = "/api/v1/notifications?limit=100"; path;) {
      const page = await this.call("GET", path);
      page.results.forEach((item) => this.takeItem(item));
      path = page.next;
    }
  }

  async call(method, path) {
    const headers = { Authorization: `Bearer ${await this.accessToken()}` };
    const answer = await fetch(path, { method, headers });
    this.ended = this.ended || answer.status === 401;
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}`);
    return answer.json();
  }
}
