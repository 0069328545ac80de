//! Filling in names, and components that are written as text.

/// Replaces `{NAME}` by its value.
pub(crate) fn fill(text: &str, names: &[(&str, String)]) -> String {
    names.iter().fold(text.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value)
    })
}

/// The component of a text in WebAssembly's format. A line `;;! N LINE` stands for N lines, with
/// their numbers from 1 for `{i}`.
pub(crate) fn component(text: &str) -> Vec<u8> {
    let mut whole = String::new();
    for line in text.lines() {
        match line
            .strip_prefix(";;! ")
            .and_then(|rest| rest.split_once(' '))
        {
            Some((times, line)) => {
                for i in 1..=times.parse::<usize>().unwrap() {
                    whole.push_str(&line.replace("{i}", &i.to_string()));
                    whole.push('\n');
                }
            }
            None => {
                whole.push_str(line);
                whole.push('\n');
            }
        }
    }
    wat::parse_str(&whole).unwrap()
}

#[test]
fn repeated_lines_are_numbered() {
    let text = "(component\n(core module $m\n;;! 3 (func (export \"f{i}\"))\n))";
    let component = component(text);
    for name in ["f1", "f2", "f3"] {
        assert!(
            component.windows(2).any(|bytes| bytes == name.as_bytes()),
            "{name}"
        );
    }
}
