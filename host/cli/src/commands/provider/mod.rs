//! `tollgate provider`: adapters to providers of models.
//!
//! - [`facts`]: what stands between an adapter and an answer: endpoint, grant, credential.
//! - [`look`]: `list` and `show`. They ask no provider anything.
//! - [`ask`]: one request through the gate; `test`. [`record`] keeps what was exchanged.
//! - [`wrong`]: why no answer came, in plain words, and what mends it.

mod ask;
mod facts;
mod look;
mod record;
mod wrong;

use crate::app::App;
use crate::args::provider::Provider;
use crate::errors::Done;

/// Carries out one verb.
pub(crate) async fn run(app: &App, verb: Provider) -> Done {
    match verb {
        Provider::List => look::list(app).await,
        Provider::Show(one) => look::show(app, &one.name).await,
        Provider::Test(args) => ask::test(app, args).await,
        Provider::Record(args) => record::run(app, args).await,
    }
}
