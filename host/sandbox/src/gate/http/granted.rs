//! Whether a request in flight may still go on: its grant is looked at again when the grants have
//! changed, at each address and at each piece of a body.

use crate::gate::decision::{Attempt, Basis};
use crate::gate::kinds;
use crate::gate::record;
use crate::gate::scope::CallScope;
use crate::gate::table::HTTP_HANDLE;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use tollgate_grants::{Decision, Effect, Reason, RequestUrl};

/// A request that was allowed.
pub(super) struct Granted {
    scope: Arc<CallScope>,
    method: http::Method,
    url: RequestUrl,
    basis: Basis,
    /// The grants generation at which it was last found to be granted.
    looked_at: AtomicU64,
    refused: AtomicBool,
}

impl Granted {
    pub(super) fn new(
        scope: Arc<CallScope>,
        method: http::Method,
        url: RequestUrl,
        basis: Basis,
    ) -> Arc<Self> {
        Arc::new(Self {
            looked_at: AtomicU64::new(basis.generation),
            scope,
            method,
            url,
            basis,
            refused: AtomicBool::new(false),
        })
    }

    /// The call.
    pub(super) fn scope(&self) -> &Arc<CallScope> {
        &self.scope
    }

    /// The method that was allowed.
    pub(super) fn method(&self) -> &http::Method {
        &self.method
    }

    /// Whether the grant holds. The first refusal leaves a receipt.
    pub(super) fn holds(&self) -> Result<(), Reason> {
        let looked_at = self.looked_at.load(Ordering::Relaxed);
        let generation = self.scope.host.authority.generation();
        if generation.is_ok_and(|now| now == looked_at) {
            return Ok(());
        }
        let effect = Effect::Http {
            method: self.method.as_str(),
            url: &self.url,
        };
        let reason = match self.scope.still_allowed(&[effect], &self.basis) {
            Ok(now) => {
                self.looked_at.store(now, Ordering::Relaxed);
                return Ok(());
            }
            Err(reason) => reason,
        };
        if !self.refused.swap(true, Ordering::Relaxed) {
            let attempt = Attempt {
                import: HTTP_HANDLE,
                kind: kinds::HTTP_USE,
                target: format!("{} {}", self.method, self.url.display_redacted()),
                whole: Some(format!("{} {}", self.method, self.url.uri())),
                effects: &[effect],
            };
            self.scope.refuse_now(&attempt, reason);
            self.close_idle();
        }
        Err(reason)
    }

    /// Closes what the call's session holds open for the plugin: it was opened under grants that are gone.
    fn close_idle(&self) {
        if let Some(client) = self.scope.host.transport.client() {
            let caller = &self.scope.caller;
            client
                .drop_pool(|key| key.plugin == caller.plugin.name && key.session == caller.session);
        }
    }

    /// Whether the request may reach an address, by the grants of this moment.
    pub(super) fn may_reach(&self, address: IpAddr) -> Result<(), Reason> {
        self.holds()?;
        let authority = self.scope.authority().ok_or(Reason::PolicyUnreadable)?;
        let effect = Effect::HttpAddress {
            url: &self.url,
            address,
        };
        match authority.decide(&effect, record::now_us()) {
            Decision::Allowed(_) => Ok(()),
            Decision::Denied(denial) => Err(denial.reason),
            Decision::Asked(_) => Err(Reason::AskUnattended),
        }
    }
}

/// A body that ends with an error when its request's grant is gone.
pub(super) struct GrantedBody<B: Body> {
    pub(super) inner: B,
    pub(super) granted: Arc<Granted>,
    pub(super) revoked: fn() -> B::Error,
}

impl<B> Body for GrantedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if self.granted.holds().is_err() {
            return Poll::Ready(Some(Err((self.revoked)())));
        }
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::testing::World;
    use http_body_util::{BodyExt as _, Full};

    #[tokio::test]
    async fn a_revoked_request_reaches_no_address_and_its_body_ends() {
        let grant = "http GET http://127.0.0.1:8080/**";
        let world = World::new(&[grant]);
        let url = RequestUrl::parse("http", "127.0.0.1:8080", "/a").unwrap();
        let effects = [Effect::Http {
            method: "GET",
            url: &url,
        }];
        let attempt = Attempt {
            import: HTTP_HANDLE,
            kind: kinds::HTTP_REQUEST,
            target: "GET http://127.0.0.1:8080/a".into(),
            whole: None,
            effects: &effects,
        };
        let permit = world.scope.permit(&attempt).await.ok().unwrap();
        let (scope, basis) = (Arc::clone(&world.scope), permit.basis().clone());
        let granted = Granted::new(scope, http::Method::GET, url.clone(), basis);
        let body = || GrantedBody {
            inner: Full::new(Bytes::from_static(b"hello")).map_err(|never| match never {}),
            granted: Arc::clone(&granted),
            revoked: || "revoked",
        };
        let here = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(granted.may_reach(here), Ok(()));
        assert_eq!(body().collect().await.unwrap().to_bytes(), "hello");
        world.grants.set(2, &["env X"], &[]);
        assert_eq!(granted.may_reach(here), Err(Reason::Revoked));
        assert_eq!(body().collect().await.unwrap_err(), "revoked");
        permit.settle(record::ok());
        world.scope.watermark().await.unwrap();
        let refused = world.ledger.said();
        assert_eq!(
            refused.iter().filter(|l| *l == "http.use Denied").count(),
            1
        );
        // Granted again, as far as the address is.
        world.grants.set(3, &[grant], &[]);
        assert_eq!(granted.may_reach(here), Ok(()));
        assert!(granted.may_reach(IpAddr::from([10, 0, 0, 1])).is_err());
    }
}
