//! The contract's messages, sorted as formats need them.

use tollgate_sdk::{ContentBlock, Image, ProviderError, ToolResult};

/// A part of a user's message.
#[derive(Debug, Clone, PartialEq)]
pub enum UserPart<'a> {
    /// Text.
    Text(&'a str),
    /// An image that belongs to no result.
    Image(&'a Image),
    /// The answer to a tool call, with the images that belong to it.
    Result(&'a ToolResult, Vec<&'a Image>),
}

/// The parts of a user's message, in order. Images right after a tool's result belong to it. Reasoning and
/// opaque blocks are not a user's, and are left out.
///
/// # Errors
/// The message asks for a tool.
pub fn user(content: &[ContentBlock]) -> Result<Vec<UserPart<'_>>, ProviderError> {
    let mut parts = Vec::new();
    for block in content {
        if let (ContentBlock::Image(image), Some(UserPart::Result(_, images))) =
            (block, parts.last_mut())
        {
            images.push(image);
            continue;
        }
        match block {
            ContentBlock::Text(text) => parts.push(UserPart::Text(text)),
            ContentBlock::Image(image) => parts.push(UserPart::Image(image)),
            ContentBlock::ToolResult(result) => parts.push(UserPart::Result(result, Vec::new())),
            ContentBlock::Thinking(_) | ContentBlock::Opaque(_) => {}
            ContentBlock::ToolUse(_) => {
                return Err(ProviderError::invalid(
                    "a user's message cannot ask for a tool",
                ));
            }
        }
    }
    Ok(parts)
}

/// The text of a message that can hold nothing else; reasoning and opaque blocks are left out. `what` names
/// the message, such as `a system message`.
///
/// # Errors
/// The message holds something else.
pub fn text_only(content: &[ContentBlock], what: &str) -> Result<String, ProviderError> {
    let mut texts = Vec::new();
    for block in content {
        match block {
            ContentBlock::Text(text) => texts.push(text.as_str()),
            ContentBlock::Thinking(_) | ContentBlock::Opaque(_) => {}
            _ => {
                return Err(ProviderError::invalid(format!(
                    "{what} can hold only text in this format"
                )));
            }
        }
    }
    Ok(texts.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tollgate_sdk::ToolUse;

    fn image(byte: u8) -> ContentBlock {
        ContentBlock::Image(Image {
            media_type: "image/png".into(),
            data: vec![byte],
        })
    }

    fn result(id: &str) -> ContentBlock {
        ContentBlock::ToolResult(ToolResult {
            id: id.into(),
            name: "t".into(),
            text: "x".into(),
            is_error: false,
        })
    }

    #[test]
    fn images_right_after_a_result_belong_to_it() {
        let content = [
            image(0),
            result("a"),
            image(1),
            image(2),
            result("b"),
            ContentBlock::Text("look".into()),
            image(3),
        ];
        let told: Vec<_> = user(&content)
            .unwrap()
            .into_iter()
            .map(|part| match part {
                UserPart::Text(text) => text.to_owned(),
                UserPart::Image(image) => format!("image {}", image.data[0]),
                UserPart::Result(result, images) => format!("{} {}", result.id, images.len()),
            })
            .collect();
        assert_eq!(told, ["image 0", "a 2", "b 0", "look", "image 3"]);
    }

    #[test]
    fn what_has_no_place_is_told() {
        let call = ContentBlock::ToolUse(ToolUse {
            id: "a".into(),
            name: "t".into(),
            arguments_json: "{}".into(),
        });
        assert!(user(&[call]).is_err());
        assert!(text_only(&[image(0)], "a system message").is_err());
        let said = [
            ContentBlock::Text("a".into()),
            ContentBlock::Thinking("hidden".into()),
            ContentBlock::Text("b".into()),
        ];
        assert_eq!(text_only(&said, "a system message").unwrap(), "a\nb");
    }
}
