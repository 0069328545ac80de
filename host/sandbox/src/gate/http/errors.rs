//! Network errors in the words of `wasi:http`.

use super::net::{NetError, NetErrorKind};
use wasmtime_wasi_http::Error;

/// The error that the guest gets.
pub(super) fn to_guest(error: &NetError) -> Error {
    use NetErrorKind as Kind;
    match error.kind() {
        Kind::DnsTimeout => Error::DnsTimeout,
        Kind::DnsError => Error::DnsError {
            rcode: None,
            info_code: None,
        },
        Kind::DestinationNotFound => Error::DestinationNotFound,
        Kind::DestinationUnavailable => Error::DestinationUnavailable,
        Kind::DestinationIpProhibited { .. } => Error::DestinationIpProhibited,
        Kind::DestinationIpUnroutable => Error::DestinationIpUnroutable,
        Kind::ConnectionRefused => Error::ConnectionRefused,
        Kind::ConnectionTerminated => Error::ConnectionTerminated,
        Kind::ConnectionTimeout => Error::ConnectionTimeout,
        Kind::ConnectionReadTimeout => Error::ConnectionReadTimeout,
        Kind::ConnectionLimitReached => Error::ConnectionLimitReached,
        Kind::TlsProtocolError => Error::TlsProtocolError,
        Kind::TlsCertificateError => Error::TlsCertificateError,
        Kind::TlsAlertReceived { alert_id } => Error::TlsAlertReceived {
            alert_id: *alert_id,
            alert_message: None,
        },
        Kind::HttpRequestDenied => Error::HttpRequestDenied,
        Kind::HttpRequestLengthRequired => Error::HttpRequestLengthRequired,
        Kind::HttpRequestBodySize(size) => Error::HttpRequestBodySize(*size),
        Kind::HttpRequestMethodInvalid => Error::HttpRequestMethodInvalid,
        Kind::HttpRequestUriInvalid => Error::HttpRequestUriInvalid,
        Kind::HttpRequestUriTooLong => Error::HttpRequestUriTooLong,
        Kind::HttpRequestHeaderSectionSize(size) => Error::HttpRequestHeaderSectionSize(*size),
        Kind::HttpRequestHeaderSize { field_name } => Error::HttpRequestHeaderSize {
            field_name: field_name.clone(),
            field_size: None,
        },
        Kind::HttpRequestTrailerSectionSize(size) => Error::HttpRequestTrailerSectionSize(*size),
        Kind::HttpResponseIncomplete => Error::HttpResponseIncomplete,
        Kind::HttpResponseHeaderSectionSize(size) => Error::HttpResponseHeaderSectionSize(*size),
        Kind::HttpResponseBodySize(size) => Error::HttpResponseBodySize(*size),
        Kind::HttpResponseTrailerSectionSize(size) => Error::HttpResponseTrailerSectionSize(*size),
        Kind::HttpResponseTransferCoding(coding) => {
            Error::HttpResponseTransferCoding(coding.clone())
        }
        Kind::HttpResponseContentCoding(coding) => Error::HttpResponseContentCoding(coding.clone()),
        Kind::HttpResponseTimeout => Error::HttpResponseTimeout,
        Kind::HttpUpgradeFailed => Error::HttpUpgradeFailed,
        Kind::HttpProtocolError => Error::HttpProtocolError,
        Kind::ConfigurationError => Error::ConfigurationError,
        Kind::InternalError => Error::InternalError(None),
    }
}
