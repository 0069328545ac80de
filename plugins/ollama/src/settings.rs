//! What an operator can set here and nowhere else.

use serde_json::Value;
use tollgate_adapter::settings::get;
use tollgate_sdk::ProviderError;

/// How many tokens of the conversation a model sees; the server's own choice is small, and what does not
/// fit it cuts off without a word.
pub(crate) const NUM_CTX_KEY: &str = "num-ctx";
/// How long the model stays loaded: a duration such as `10m`, or seconds; negative means for good.
pub(crate) const KEEP_ALIVE_KEY: &str = "keep-alive";

/// The operator's own settings; none means the server's choice.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Own {
    pub(crate) num_ctx: Option<u32>,
    /// A text, or a number of seconds.
    pub(crate) keep_alive: Option<Value>,
}

impl Own {
    /// Reads them from the host.
    pub(crate) fn read() -> Result<Self, ProviderError> {
        let num_ctx = get(NUM_CTX_KEY)?.map(|text| {
            text.parse().map_err(|_| {
                ProviderError::invalid(format!(
                    "the configuration's {NUM_CTX_KEY} is {text:?}; it has to be a number of tokens"
                ))
            })
        });
        Ok(Self {
            num_ctx: num_ctx.transpose()?,
            keep_alive: get(KEEP_ALIVE_KEY)?.map(|text| match text.parse::<i64>() {
                Ok(seconds) => seconds.into(),
                Err(_) => text.into(),
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::testing::set_config;

    #[test]
    fn numbers_and_durations_are_told_apart() {
        assert_eq!(Own::read().unwrap(), Own::default());
        set_config(NUM_CTX_KEY, "8192");
        for (text, wanted) in [
            ("10m", "10m".into()),
            ("-1", Value::from(-1)),
            ("0", 0.into()),
        ] {
            set_config(KEEP_ALIVE_KEY, text);
            let own = Own::read().unwrap();
            assert_eq!((own.num_ctx, own.keep_alive), (Some(8192), Some(wanted)));
        }
        set_config(NUM_CTX_KEY, "8k");
        assert!(
            matches!(Own::read(), Err(ProviderError::InvalidRequest(m)) if m.contains("\"8k\""))
        );
    }
}
