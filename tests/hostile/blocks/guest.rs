//! What a tool may answer: every kind of block, with and without the structure that it promised.

use tollgate_sdk::{Blob, Context, OutputBlock, Tool, ToolError, ToolOutput, Tools};

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Nothing {}

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Sum {
    /// The sum.
    sum: u32,
}

/// The smallest PNG there is: one pixel.
const PIXEL: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0,
    1, 0, 0, 0, 1, 8, 0, 0, 0, 0, 0x3a, 0x7e, 0x9b, 0x55, 0, 0, 0, 0x0a, b'I', b'D', b'A', b'T',
    0x78, 0x9c, 0x63, 0x60, 0, 0, 0, 2, 0, 1, 0x48, 0xaf, 0xa4, 0x71, 0, 0, 0, 0, b'I', b'E', b'N',
    b'D', 0xae, 0x42, 0x60, 0x82,
];

fn output(content: Vec<OutputBlock>) -> Result<ToolOutput, ToolError> {
    Ok(ToolOutput {
        content,
        is_error: false,
    })
}

fn sum(_: Nothing, _: &Context) -> Result<ToolOutput, ToolError> {
    output(vec![OutputBlock::Json(r#"{"sum":42}"#.into())])
}

fn no_sum(_: Nothing, _: &Context) -> Result<ToolOutput, ToolError> {
    output(vec![OutputBlock::Text("no sum".into())])
}

fn all(_: Nothing, _: &Context) -> Result<ToolOutput, ToolError> {
    let blob = |media_type: &str, data: &[u8]| {
        OutputBlock::Blob(Blob {
            media_type: media_type.into(),
            data: data.to_vec(),
        })
    };
    output(vec![
        OutputBlock::Text("words".into()),
        blob("image/png", PIXEL),
        blob("application/octet-stream", &[0, 1, 254, 255]),
    ])
}

/// Reports three steps, slowly enough that each is passed on; the words try to be more than words.
fn steps(_: Nothing, _: &Context) -> Result<ToolOutput, ToolError> {
    for done in 1..=3 {
        tollgate_sdk::progress::report(done, Some(3), "a\u{1b}[2J\u{202e}\nstep");
        std::thread::sleep(std::time::Duration::from_millis(150));
    }
    tollgate_sdk::progress::report(2, None, "backwards");
    output(vec![OutputBlock::Text("done".into())])
}

/// The plugin.
#[derive(Debug)]
pub struct Blocks;

impl Tools for Blocks {
    fn tools() -> Vec<Tool> {
        vec![
            Tool::new::<Nothing>("sum", "Sums\u{202e} up.", sum).output::<Sum>(),
            Tool::new::<Nothing>("no_sum", "Promises a sum.", no_sum).output::<Sum>(),
            Tool::new::<Nothing>("steps", "Says how far it is.", steps),
            Tool::new::<Nothing>("all", "Answers with every kind of block.", all),
        ]
    }
}

tollgate_sdk::export_tools!(Blocks);
