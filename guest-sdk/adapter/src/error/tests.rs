use super::said::MESSAGE_CHARS_MAX;
use super::*;
use tollgate_sdk::testing::error_word;

fn error(status: u16, headers: &[(&str, &str)], body: &str) -> ProviderError {
    let headers = headers.iter().copied().collect();
    of_response(
        status,
        &headers,
        body.as_bytes(),
        SystemTime::UNIX_EPOCH,
        &[],
    )
}

#[test]
fn every_error_means_what_the_host_can_do() {
    for (status, code, kind, wanted) in [
        (401, "invalid_api_key", "invalid_request_error", "auth"),
        (401, "", "", "auth"),
        (403, "", "", "auth"),
        (429, "rate_limit_exceeded", "tokens", "rate"),
        (429, "", "requests", "rate"),
        (429, "insufficient_quota", "insufficient_quota", "quota"),
        (429, "billing_hard_limit_reached", "", "quota"),
        (402, "", "", "quota"),
        (503, "", "server_error", "overloaded"),
        (529, "", "", "overloaded"),
        (500, "", "server_error", "unavailable"),
        (502, "", "", "unavailable"),
        (408, "", "", "unavailable"),
        (409, "", "", "unavailable"),
        (
            400,
            "context_length_exceeded",
            "invalid_request_error",
            "long",
        ),
        (413, "", "", "long"),
        (400, "content_filter", "", "refused"),
        (
            400,
            "content_policy_violation",
            "invalid_request_error",
            "refused",
        ),
        (400, "unsupported_value", "invalid_request_error", "invalid"),
        (404, "model_not_found", "invalid_request_error", "invalid"),
        (422, "", "", "invalid"),
        (307, "", "", "invalid"),
    ] {
        let body = format!(
            "{{\"error\":{{\"message\":\"m\",\"type\":\"{kind}\",\"param\":null,\"code\":\"{code}\"}}}}"
        );
        assert_eq!(
            error_word(&error(status, &[], &body)),
            wanted,
            "{status} {code} {kind}"
        );
    }
}

#[test]
fn every_shape_is_read() {
    for (body, message) in [
        (
            "{\"error\":{\"message\":\"m\",\"type\":\"t\",\"code\":null}}",
            "m (HTTP 500, t)",
        ),
        (
            "{\"error\":{\"message\":\"m\",\"code\":17}}",
            "m (HTTP 500, 17)",
        ),
        ("[{\"error\":{\"message\":\"m\"}}]", "m (HTTP 500)"),
        ("{\"error\":\"m\"}", "m (HTTP 500)"),
        ("{\"message\":\"m\"}", "m (HTTP 500)"),
        (
            "{\"detail\":[{\"msg\":\"m\"}]}",
            "[{\"msg\":\"m\"}] (HTTP 500)",
        ),
        ("upstream gone", "upstream gone (HTTP 500)"),
        ("<html>", "no message (HTTP 500)"),
        ("{}", "no message (HTTP 500)"),
        ("[]", "no message (HTTP 500)"),
        ("null", "no message (HTTP 500)"),
        ("", "no message (HTTP 500)"),
    ] {
        let ProviderError::Unavailable(retryable) = error(500, &[], body) else {
            panic!("{body}");
        };
        assert_eq!(retryable.message, message, "{body}");
    }
}

#[test]
fn the_wait_is_kept_and_the_servers_word_on_retrying_counts() {
    let wait = |error| match error {
        ProviderError::RateLimited(r)
        | ProviderError::Overloaded(r)
        | ProviderError::Unavailable(r) => r.retry_after_ms,
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(error(429, &[("retry-after", "2")], "")), Some(2_000));
    assert_eq!(
        wait(error(
            503,
            &[("retry-after-ms", "5"), ("retry-after", "2")],
            ""
        )),
        Some(5)
    );
    assert_eq!(
        wait(error(
            500,
            &[("retry-after", "Thu, 01 Jan 1970 00:00:03 GMT")],
            ""
        )),
        Some(3_000)
    );
    assert_eq!(
        error_word(&error(429, &[("x-should-retry", "false")], "")),
        "quota"
    );
    assert_eq!(
        error_word(&error(500, &[("x-should-retry", "false")], "")),
        "invalid"
    );
    assert_eq!(
        error_word(&error(400, &[("x-should-retry", "true")], "")),
        "unavailable"
    );
    assert_eq!(
        error_word(&error(401, &[("x-should-retry", "true")], "")),
        "auth"
    );
}

#[test]
fn without_a_status_a_number_in_the_code_is_one() {
    let event = |body: &str| error_word(&of_event(body.as_bytes(), &[]));
    assert_eq!(
        event("{\"error\":{\"message\":\"m\",\"code\":429}}"),
        "rate"
    );
    assert_eq!(
        event("{\"error\":{\"message\":\"m\",\"code\":\"503\"}}"),
        "overloaded"
    );
    assert_eq!(
        event("{\"error\":{\"message\":\"m\",\"code\":1042}}"),
        "unavailable"
    );
    assert_eq!(
        event("{\"error\":{\"type\":\"invalid_request_error\"}}"),
        "invalid"
    );
}

#[test]
fn a_request_that_can_never_fit_is_too_long_and_not_too_fast() {
    let body = "{\"error\":{\"message\":\"Request too large for gpt-x on tokens per min\",\
         \"type\":\"tokens\",\"code\":\"rate_limit_exceeded\"}}";
    assert_eq!(error_word(&error(429, &[], body)), "long");
}

#[test]
fn a_message_is_bounded_and_names_the_request() {
    let long = "x".repeat(2_000);
    let ProviderError::Unavailable(retryable) = error(500, &[("x-request-id", "req_1")], &long)
    else {
        panic!("not unavailable");
    };
    assert_eq!(
        retryable.message.len(),
        MESSAGE_CHARS_MAX + " (HTTP 500, request req_1)".len()
    );
}

#[test]
fn every_providers_errors_are_known() {
    for (status, body, wanted) in [
        (
            400,
            r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}"#,
            "auth",
        ),
        (
            400,
            r#"[{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}]"#,
            "auth",
        ),
        (
            403,
            r#"{"error":{"code":403,"message":"m","status":"PERMISSION_DENIED"}}"#,
            "auth",
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}"#,
            "invalid",
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"m","status":"FAILED_PRECONDITION"}}"#,
            "invalid",
        ),
        (
            429,
            r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED"}}"#,
            "rate",
        ),
        (
            429,
            r#"{"error":{"code":429,"message":"Your project has exceeded its spending cap","status":"RESOURCE_EXHAUSTED"}}"#,
            "quota",
        ),
        (
            503,
            r#"{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}"#,
            "overloaded",
        ),
        (
            500,
            r#"{"error":{"code":500,"message":"m","status":"INTERNAL"}}"#,
            "unavailable",
        ),
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#,
            "overloaded",
        ),
        (
            401,
            r#"{"type":"error","error":{"type":"authentication_error","message":"m"}}"#,
            "auth",
        ),
        (
            402,
            r#"{"type":"error","error":{"type":"billing_error","message":"m"}}"#,
            "quota",
        ),
        (
            413,
            r#"{"type":"error","error":{"type":"request_too_large","message":"m"}}"#,
            "long",
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"m"}}"#,
            "invalid",
        ),
        (
            429,
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"contract_spend_limit_reached"}}}"#,
            "quota",
        ),
        (
            503,
            r#"{"error":"server busy, please try again. maximum pending requests exceeded"}"#,
            "overloaded",
        ),
        (
            404,
            r#"{"error":"model 'x' not found, try pulling it first"}"#,
            "invalid",
        ),
    ] {
        assert_eq!(error_word(&error(status, &[], body)), wanted, "{body}");
    }
    let missing = error(404, &[], r#"{"error":"model 'x' not found"}"#);
    assert_eq!(
        missing,
        ProviderError::InvalidRequest("model 'x' not found (HTTP 404)".into())
    );
}

#[test]
fn events_have_no_status_but_words() {
    let event = |body: &str| error_word(&of_event(body.as_bytes(), &[]));
    for (body, wanted) in [
        (
            r#"{"type":"error","error":{"type":"overloaded_error","message":"m"}}"#,
            "overloaded",
        ),
        (
            r#"{"type":"error","error":{"type":"api_error","message":"m"}}"#,
            "unavailable",
        ),
        (
            r#"{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}"#,
            "overloaded",
        ),
        (
            r#"{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}"#,
            "invalid",
        ),
        (
            r#"{"type":"error","code":"rate_limit_exceeded","message":"m"}"#,
            "rate",
        ),
        (
            r#"{"type":"error","code":null,"message":"m"}"#,
            "unavailable",
        ),
        (r#"{"error":"the runner has gone"}"#, "unavailable"),
        ("gone", "unavailable"),
    ] {
        assert_eq!(event(body), wanted, "{body}");
    }
}

#[test]
fn the_type_of_an_event_is_not_the_errors() {
    assert_eq!(
        of_event(br#"{"type":"error","message":"m"}"#, &[]),
        ProviderError::unavailable("m")
    );
}

#[test]
fn a_wait_in_the_body_counts_where_no_header_says_one() {
    let body = r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[
        {"@type":"type.googleapis.com/google.rpc.QuotaFailure"},
        {"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"}]}}"#;
    let wait = |error| match error {
        ProviderError::RateLimited(retryable) => retryable.retry_after_ms,
        other => panic!("{other:?}"),
    };
    assert_eq!(wait(error(429, &[], body)), Some(1_500));
    assert_eq!(wait(error(429, &[("retry-after", "2")], body)), Some(2_000));
    assert_eq!(wait(of_event(body.as_bytes(), &[])), Some(1_500));
    let message = error(429, &[], body);
    assert!(
        matches!(message, ProviderError::RateLimited(r) if r.message == "m (HTTP 429, RESOURCE_EXHAUSTED)")
    );
}

#[test]
fn an_adapters_words_come_first() {
    let words = [
        super::label("rate_limit", Meaning::Quota),
        phrase("credit balance is too low", Meaning::Quota),
    ];
    for body in [
        r#"{"error":{"type":"rate_limit_error","message":"m"}}"#,
        r#"{"error":{"message":"Your credit balance is too low"}}"#,
    ] {
        let headers = Headers::default();
        let error = of_response(
            400,
            &headers,
            body.as_bytes(),
            SystemTime::UNIX_EPOCH,
            &words,
        );
        assert_eq!(error_word(&error), "quota", "{body}");
    }
}

#[test]
fn a_limit_that_was_passed_is_a_word_where_no_wait_is_named() {
    let body = |more: &str| {
        format!(
            r#"{{"error":{{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[
            {{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{{"quotaId":"RequestsPerDay"}}]}}{more}]}}}}"#
        )
    };
    let words = [super::label("perday", Meaning::Quota)];
    let got = |more: &str| error_word(&of_event(body(more).as_bytes(), &words));
    assert_eq!(got(""), "quota");
    assert_eq!(got(r#",{"retryDelay":"1s"}"#), "rate");
}
