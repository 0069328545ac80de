//! A difference of two lists of rules, as sets in the order of the new one.
//!
//! Rules are compared whole and their order means nothing, so a line-by-line alignment would only hide
//! what matters: what is new, and what is gone.

/// Every line with its mark: `-` gone, `+` new, ` ` kept. The gone ones come first.
pub(crate) fn lines(was: &[String], is: &[String]) -> Vec<(char, String)> {
    let gone = was
        .iter()
        .filter(|line| !is.contains(line))
        .map(|line| ('-', line.clone()));
    let now = is
        .iter()
        .map(|line| (if was.contains(line) { ' ' } else { '+' }, line.clone()));
    gone.chain(now).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_and_what_is_gone_is_marked() {
        let was = ["a".to_owned(), "b".to_owned()];
        let is = ["b".to_owned(), "c".to_owned()];
        let expected = [
            ('-', "a".to_owned()),
            (' ', "b".to_owned()),
            ('+', "c".to_owned()),
        ];
        assert_eq!(lines(&was, &is), expected);
    }
}
