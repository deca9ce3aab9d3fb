"""With what WebSockets are closed, and what their clients are refused: docs/asyncapi.yml shows both
tables, and tests/flow/test_refusals.py plays the second, row by row."""

from toby.notifications.frames import ErrorCode

# Those of RFC 6455 first; ours are like the HTTP status that says the same.
NO_WEBSOCKET, NOT_UTF8, TOO_LARGE, NO_PONG = 1002, 1007, 1009, 1011
RESTARTING, TRY_LATER = 1012, 1013
SESSION_GONE, WRONG_ORIGIN, UNKNOWN_VERSION, TOO_SLOW = 4401, 4403, 4406, 4408
FLOODING, TOO_MANY_SOCKETS = 4420, 4429

CLOSED_BECAUSE = {
    NO_WEBSOCKET: "what was sent is not as RFC 6455 has it, as a frame that is not masked",
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
    TOO_MANY_SOCKETS: "its user has 20 sockets, streams or long polls: end one, or come later",
}
# What a client may try, and what comes of it: a close code, or the code of an `error` frame.
REFUSED: dict[str, int | ErrorCode] = {
    "no token": SESSION_GONE,
    "a token that is none": SESSION_GONE,
    "a token that has expired": SESSION_GONE,
    "a token whose session has ended": SESSION_GONE,
    "a ticket that was used": SESSION_GONE,
    "a ticket whose session has ended": SESSION_GONE,
    "a ticket of another user than the token": SESSION_GONE,
    "a page of another origin": WRONG_ORIGIN,
    "another subprotocol": UNKNOWN_VERSION,
    "a version that is not spoken": UNKNOWN_VERSION,
    "a 21st socket": TOO_MANY_SOCKETS,
    "a frame over 16 KiB": TOO_LARGE,
    "a message over 16 KiB in small frames": TOO_LARGE,
    "the continuation of no message": NO_WEBSOCKET,
    "a text that is not UTF-8": NOT_UTF8,
    "a binary frame": "not_text",
    "malformed JSON": "malformed",
    "JSON that is no object": "malformed",
    "an unknown type": "unknown_type",
    "a frame that lacks something": "invalid_frame",
    "a resume after no token of ours": "bad_token",
    "more than 50 frames at once": "too_many",
    "more and more frames": FLOODING,
    "more and more pings": FLOODING,
}
