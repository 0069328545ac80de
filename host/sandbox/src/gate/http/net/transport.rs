//! Which socket a request goes to: the real one, or none.

use super::client::Client;
use super::error::NetError;
use super::fixture::{Asked, FixtureSet, Recorder};
use super::request::{Inbound, OutboundRequest};

/// The only choice there is: everything but the socket is the same for both.
#[derive(Clone)]
pub enum Transport {
    /// The network.
    Live(Client),
    /// Recorded answers. Nothing is resolved and nothing is connected to, so the address check is not
    /// asked and an answer has no peer.
    Fixture(FixtureSet),
    /// The network, and what is exchanged is kept.
    Recorded(Client, Recorder),
}

impl Transport {
    /// The word for records: `live` or `fixture`.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Live(_) | Self::Recorded(..) => "live",
            Self::Fixture(_) => "fixture",
        }
    }

    /// What speaks to the network, if anything does.
    pub(crate) fn client(&self) -> Option<&Client> {
        match self {
            Self::Live(client) | Self::Recorded(client, _) => Some(client),
            Self::Fixture(_) => None,
        }
    }

    /// Sends one request and waits for the head of its answer.
    ///
    /// # Errors
    ///
    /// As [`Client::send`] and [`FixtureSet::send`].
    pub async fn send(&self, request: OutboundRequest) -> Result<Inbound, NetError> {
        match self {
            Self::Live(client) => client.send(request).await,
            Self::Fixture(fixtures) => fixtures.send(request).await,
            Self::Recorded(client, recorder) => {
                let asked = Asked::of(&request);
                let inbound = client.send(request).await?;
                Ok(recorder.answered(asked, inbound))
            }
        }
    }
}
