"""With what WebSockets are closed. docs/asyncapi.yml shows it."""

# Those of RFC 6455 first; ours are like the HTTP status that says the same.
NOT_UTF8, TOO_LARGE, NO_PONG = 1007, 1009, 1011
RESTARTING, TRY_LATER = 1012, 1013
SESSION_GONE, WRONG_ORIGIN, UNKNOWN_VERSION, TOO_SLOW = 4401, 4403, 4406, 4408
FLOODING, TOO_MANY_SOCKETS = 4420, 4429

CLOSED_BECAUSE = {
    NOT_UTF8: "a text that is not UTF-8",
    TOO_LARGE: "a frame that is too large",
    NO_PONG: "a ping of the server's was not answered in 20 s, or something went wrong here",
    RESTARTING: "the server restarts: come back when `restart` has said",
    TRY_LATER: "something does not answer: come back later",
    SESSION_GONE: "there is no session, or no longer: log in",
    WRONG_ORIGIN: "the page is of another origin",
    UNKNOWN_VERSION: "none of the subprotocols is a version that is spoken here",
    TOO_SLOW: "nothing was read for too long: come back and resume",
    FLOODING: "frames were sent on and on, after `too_many`",
    TOO_MANY_SOCKETS: "its user has 20 sockets and streams: close one, or come back later",
}
