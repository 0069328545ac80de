//! Why a request failed, in the words of `wasi:http`.
//!
//! The kinds carry the names of the `error-code` variants of `wasi:http/types@0.2`, so that the gate can
//! hand them to a guest one for one. The text is written here, from fixed sentences and the target's
//! host and port: never from a path, a query, a header, a body or a peer's own words.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Addresses named in one error text.
const ADDRESSES_SHOWN_MAX: usize = 4;

/// A failed request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct NetError {
    kind: NetErrorKind,
    detail: String,
    sent: bool,
    peer: Option<SocketAddr>,
}

impl NetError {
    /// An error before any byte of the request could have left.
    pub fn new(kind: NetErrorKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            sent: false,
            peer: None,
        }
    }

    /// No resolved address passed the check.
    pub(crate) fn address_forbidden(
        target: &impl fmt::Display,
        addresses: Vec<IpAddr>,
        refusal: String,
    ) -> Self {
        let shown: Vec<String> = addresses
            .iter()
            .take(ADDRESSES_SHOWN_MAX)
            .map(ToString::to_string)
            .collect();
        let more = addresses.len().saturating_sub(shown.len());
        let more = if more == 0 {
            String::new()
        } else {
            format!(" and {more} more")
        };
        let detail = format!(
            "{target} resolves only to addresses that may not be reached ({}{more}): {refusal}",
            shown.join(", ")
        );
        Self::new(
            NetErrorKind::DestinationIpProhibited { addresses, refusal },
            detail,
        )
    }

    /// Says that bytes of the request may have reached the peer.
    #[must_use]
    pub(crate) fn after_sending(mut self, peer: Option<SocketAddr>) -> Self {
        self.sent = true;
        self.peer = peer;
        self
    }

    /// The kind, for the guest's error code and for the record.
    pub fn kind(&self) -> &NetErrorKind {
        &self.kind
    }

    /// Whether bytes of the request may have reached a peer. `false` means that surely none did.
    pub fn sent(&self) -> bool {
        self.sent
    }

    /// The peer, if a connection stood.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }
}

/// The kinds of failure. Names and payloads are those of `wasi:http/types.error-code`, but for
/// [`DestinationIpProhibited`](Self::DestinationIpProhibited), which also says what was refused and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetErrorKind {
    /// The name lookup took too long.
    DnsTimeout,
    /// The name could not be resolved.
    DnsError,
    /// Nothing answers there; also: no fixture matches.
    DestinationNotFound,
    /// The destination cannot be reached.
    DestinationUnavailable,
    /// Every resolved address was refused by the address check.
    DestinationIpProhibited {
        /// What the name resolved to.
        addresses: Vec<IpAddr>,
        /// The check's own words for the first of them.
        refusal: String,
    },
    /// No route to the address.
    DestinationIpUnroutable,
    /// The peer refused the connection.
    ConnectionRefused,
    /// The peer ended the connection before it answered.
    ConnectionTerminated,
    /// No connection stood in time.
    ConnectionTimeout,
    /// The peer stopped sending.
    ConnectionReadTimeout,
    /// Too many connections are open.
    ConnectionLimitReached,
    /// TLS could not be agreed on.
    TlsProtocolError,
    /// The peer's certificate was not accepted.
    TlsCertificateError,
    /// The peer ended TLS with an alert.
    TlsAlertReceived {
        /// The alert's number (RFC 8446 §6).
        alert_id: Option<u8>,
    },
    /// The request breaks a rule of the gate.
    HttpRequestDenied,
    /// A body of unknown length where a length is needed.
    HttpRequestLengthRequired,
    /// The body is too long, or not as long as was declared. The limit or the declared length, in bytes.
    HttpRequestBodySize(Option<u64>),
    /// The method may not be used.
    HttpRequestMethodInvalid,
    /// The target cannot be sent as it is.
    HttpRequestUriInvalid,
    /// The target is too long.
    HttpRequestUriTooLong,
    /// The headers are too many or too long. The limit, in bytes or fields.
    HttpRequestHeaderSectionSize(Option<u32>),
    /// One header is not valid.
    HttpRequestHeaderSize {
        /// Its name.
        field_name: Option<String>,
    },
    /// The trailers are too long. The limit in bytes.
    HttpRequestTrailerSectionSize(Option<u32>),
    /// The response ended too early.
    HttpResponseIncomplete,
    /// The response's headers are too many or too long. The limit in bytes.
    HttpResponseHeaderSectionSize(Option<u32>),
    /// The response's body is too long. The limit in bytes.
    HttpResponseBodySize(Option<u64>),
    /// The response's trailers are too long. The limit in bytes.
    HttpResponseTrailerSectionSize(Option<u32>),
    /// A transfer coding other than chunked.
    HttpResponseTransferCoding(Option<String>),
    /// A content coding where none was allowed.
    HttpResponseContentCoding(Option<String>),
    /// No response in time.
    HttpResponseTimeout,
    /// The peer changed protocols unasked.
    HttpUpgradeFailed,
    /// The peer's bytes are not HTTP.
    HttpProtocolError,
    /// The host's own setup is at fault.
    ConfigurationError,
    /// Something else.
    InternalError,
}

impl NetErrorKind {
    /// The `wasi:http` name: stable, for records and for people.
    pub fn code(&self) -> &'static str {
        match self {
            Self::DnsTimeout => "DNS-timeout",
            Self::DnsError => "DNS-error",
            Self::DestinationNotFound => "destination-not-found",
            Self::DestinationUnavailable => "destination-unavailable",
            Self::DestinationIpProhibited { .. } => "destination-IP-prohibited",
            Self::DestinationIpUnroutable => "destination-IP-unroutable",
            Self::ConnectionRefused => "connection-refused",
            Self::ConnectionTerminated => "connection-terminated",
            Self::ConnectionTimeout => "connection-timeout",
            Self::ConnectionReadTimeout => "connection-read-timeout",
            Self::ConnectionLimitReached => "connection-limit-reached",
            Self::TlsProtocolError => "TLS-protocol-error",
            Self::TlsCertificateError => "TLS-certificate-error",
            Self::TlsAlertReceived { .. } => "TLS-alert-received",
            Self::HttpRequestDenied => "HTTP-request-denied",
            Self::HttpRequestLengthRequired => "HTTP-request-length-required",
            Self::HttpRequestBodySize(_) => "HTTP-request-body-size",
            Self::HttpRequestMethodInvalid => "HTTP-request-method-invalid",
            Self::HttpRequestUriInvalid => "HTTP-request-URI-invalid",
            Self::HttpRequestUriTooLong => "HTTP-request-URI-too-long",
            Self::HttpRequestHeaderSectionSize(_) => "HTTP-request-header-section-size",
            Self::HttpRequestHeaderSize { .. } => "HTTP-request-header-size",
            Self::HttpRequestTrailerSectionSize(_) => "HTTP-request-trailer-section-size",
            Self::HttpResponseIncomplete => "HTTP-response-incomplete",
            Self::HttpResponseHeaderSectionSize(_) => "HTTP-response-header-section-size",
            Self::HttpResponseBodySize(_) => "HTTP-response-body-size",
            Self::HttpResponseTrailerSectionSize(_) => "HTTP-response-trailer-section-size",
            Self::HttpResponseTransferCoding(_) => "HTTP-response-transfer-coding",
            Self::HttpResponseContentCoding(_) => "HTTP-response-content-coding",
            Self::HttpResponseTimeout => "HTTP-response-timeout",
            Self::HttpUpgradeFailed => "HTTP-upgrade-failed",
            Self::HttpProtocolError => "HTTP-protocol-error",
            Self::ConfigurationError => "configuration-error",
            Self::InternalError => "internal-error",
        }
    }
}

impl fmt::Display for NetErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
