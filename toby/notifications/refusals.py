"""With what WebSockets are closed. docs/asyncapi.yml shows it."""

# Those of RFC 6455 first; ours are named after the HTTP status that says the same.
RESTARTING, TRY_LATER = 1012, 1013
SESSION_GONE, WRONG_ORIGIN, UNKNOWN_VERSION, TOO_SLOW = 4401, 4403, 4406, 4408
TOO_MANY_SOCKETS = 4429

CLOSED_BECAUSE = {
    RESTARTING: "the server restarts: come back when `restart` has said",
    TRY_LATER: "something does not answer: come back later",
    SESSION_GONE: "there is no session, or no longer: log in",
    WRONG_ORIGIN: "the page is of another origin",
    UNKNOWN_VERSION: "none of the subprotocols is a version that is spoken here",
    TOO_SLOW: "nothing was read for too long: come back and resume",
    TOO_MANY_SOCKETS: "its user has 20 sockets and streams: close one, or come back later",
}
