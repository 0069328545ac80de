use super::*;
use std::time::SystemTime;
use tollgate_adapter::error::{of_event, of_response};
use tollgate_sdk::ProviderError;
use tollgate_sdk::http::Headers;
use tollgate_sdk::testing::error_word;

fn error(status: u16, body: &str) -> ProviderError {
    let now = SystemTime::UNIX_EPOCH;
    of_response(status, &Headers::default(), body.as_bytes(), now, WORDS)
}

#[test]
fn every_error_means_what_the_host_can_do() {
    for (code, status, message, wanted) in [
        (
            400,
            "INVALID_ARGUMENT",
            "API key not valid. Please pass a valid API key.",
            "auth",
        ),
        (
            400,
            "INVALID_ARGUMENT",
            "API key expired. Please renew the API key.",
            "auth",
        ),
        (401, "UNAUTHENTICATED", "m", "auth"),
        (403, "PERMISSION_DENIED", "m", "auth"),
        (
            400,
            "INVALID_ARGUMENT",
            "Function call is missing a thought_signature in functionCall parts.",
            "invalid",
        ),
        (
            400,
            "FAILED_PRECONDITION",
            "User location is not supported for the API use.",
            "invalid",
        ),
        (
            404,
            "NOT_FOUND",
            "models/x is not found for API version v1beta",
            "invalid",
        ),
        (
            400,
            "INVALID_ARGUMENT",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            "long",
        ),
        (
            400,
            "INVALID_ARGUMENT",
            "The input token count exceeds the limit.",
            "long",
        ),
        (
            400,
            "INVALID_ARGUMENT",
            "Request payload size exceeds the limit: 20971520 bytes.",
            "long",
        ),
        (
            429,
            "RESOURCE_EXHAUSTED",
            "Resource has been exhausted (e.g. check quota).",
            "rate",
        ),
        (503, "UNAVAILABLE", "The model is overloaded.", "overloaded"),
        (500, "INTERNAL", "m", "unavailable"),
        (504, "DEADLINE_EXCEEDED", "m", "unavailable"),
        (499, "CANCELLED", "m", "unavailable"),
    ] {
        let body =
            format!(r#"{{"error":{{"code":{code},"message":"{message}","status":"{status}"}}}}"#);
        for body in [body.clone(), format!("[{body}]")] {
            assert_eq!(error_word(&error(code, &body)), wanted, "{body}");
            // In mid-stream the code is all there is.
            assert_eq!(
                error_word(&of_event(body.as_bytes(), WORDS)),
                wanted,
                "{body}"
            );
        }
    }
}

#[test]
fn a_daily_limit_is_used_up_unless_the_server_says_when_to_come_back() {
    let body = |quota: &str, more: &str| {
        format!(
            r#"{{"error":{{"code":429,"message":"You exceeded your current quota.","status":"RESOURCE_EXHAUSTED","details":[
            {{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{{"quotaId":"{quota}"}}]}}{more}]}}}}"#
        )
    };
    let wait = r#",{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}"#;
    for (quota, more, wanted) in [
        ("GenerateRequestsPerDayPerProjectPerModel", "", "quota"),
        (
            "GenerateRequestsPerMinutePerProjectPerModel-FreeTier",
            "",
            "quota",
        ),
        ("GenerateRequestsPerMinutePerProjectPerModel", "", "rate"),
        (
            "GenerateRequestsPerDayPerProjectPerModel-FreeTier",
            wait,
            "rate",
        ),
    ] {
        assert_eq!(
            error_word(&error(429, &body(quota, more))),
            wanted,
            "{quota}"
        );
    }
    let ProviderError::RateLimited(limited) = error(429, &body("PerDay", wait)) else {
        panic!("not rate-limited");
    };
    assert_eq!(limited.retry_after_ms, Some(34_500));
    assert_eq!(
        limited.message,
        "You exceeded your current quota. (HTTP 429, RESOURCE_EXHAUSTED)"
    );
}
