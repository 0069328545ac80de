//! A provider of contract 0.1.0 that streams what it was told. Built once; see README.md.

use tollgate_sdk::sink::{self, Emit};
use tollgate_sdk::{
    Completion, CompletionRequest, ContentBlock, Delta, Provider, ProviderError, ProviderInfo,
    StopReason, Usage,
};

struct Contract;

impl Provider for Contract {
    fn describe() -> ProviderInfo {
        ProviderInfo {
            name: "contract-provider".into(),
            format: "echo".into(),
            default_model: Some("echo".into()),
            streams: true,
        }
    }

    fn complete(request: CompletionRequest) -> Result<Completion, ProviderError> {
        let last = request.messages.last().map(|message| &message.content);
        let words = last.into_iter().flatten().filter_map(|block| match block {
            ContentBlock::Text(text) => Some(text.as_str()),
            _ => None,
        });
        let text = format!("you said: {}", words.collect::<Vec<_>>().join(" "));
        if request.stream {
            sink::Host.emit(Delta::Text(text.clone()));
        }
        Ok(Completion {
            model: "echo".into(),
            response_id: None,
            content: vec![ContentBlock::Text(text)],
            stop: StopReason::EndTurn,
            usage: Usage {
                input: 1,
                output: 1,
                cached_input: 0,
                reasoning: 0,
            },
        })
    }
}

tollgate_sdk::export_provider!(Contract);
