use crate::text;

#[path = "../../../host/sandbox/src/gate/fs/os/name.rs"]
mod name;

/// A path is cut before its last component, and put together again it is the same.
pub fn path(bytes: &[u8]) {
    let path = text(bytes);
    let Ok(split) = name::split_parent(path) else {
        return;
    };
    let last = split.name.as_str();
    assert!(!last.is_empty() && last != "." && last != "..");
    assert!(!last.contains('/') && !last.contains('\0'));
    assert!(last.len() <= name::NAME_BYTES_MAX);
    let rest = path.trim_end_matches('/');
    let joined = match rest.contains('/') {
        true => format!("{}/{last}", split.parent),
        false => last.to_owned(),
    };
    assert_eq!(joined, rest);
    assert_eq!(split.trailing_slash, path.ends_with('/'));
    assert!(!path.starts_with('/'));
}
