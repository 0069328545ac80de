"""What an error of the `openai` package means in our contract."""

import openai

BY_CODE = {
    "insufficient_quota": "quota-exhausted",
    "billing_hard_limit_reached": "quota-exhausted",
    "context_length_exceeded": "context-too-long",
    "content_filter": "refused",
    "content_policy_violation": "refused",
    "invalid_api_key": "auth-expired",
    "rate_limit_exceeded": "rate-limited",
    "rate_limit_error": "rate-limited",
    "server_is_overloaded": "overloaded",
    "invalid_prompt": "invalid-request",
}

BY_CLASS = (
    (openai.AuthenticationError, "auth-expired"),
    (openai.PermissionDeniedError, "auth-expired"),
    (openai.RateLimitError, "rate-limited"),
)


def error_kind(error):
    """The code says more than the status, the status more than nothing."""
    for label in (error.code, error.type):
        if label in BY_CODE:
            return BY_CODE[label]
    for kind, meaning in BY_CLASS:
        if isinstance(error, kind):
            return meaning
    status = getattr(error, "status_code", 200)
    if status in (503, 529):
        return "overloaded"
    return "invalid-request" if 400 <= status < 500 and status not in (408, 409) else "unavailable"


def words(error):
    """The server's own words."""
    body = error.body if isinstance(error.body, dict) else {}
    return body.get("message") or error.message
