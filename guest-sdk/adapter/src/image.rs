//! Images and other bytes as text.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tollgate_sdk::Image;

/// Base64 with padding (RFC 4648, section 4).
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The bytes of a base64 text, with padding; none if it is not one.
pub fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// The image as a `data:` URL (RFC 2397).
pub fn data_url(image: &Image) -> String {
    format!("data:{};base64,{}", image.media_type, base64(&image.data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_a_url_and_its_bytes_come_back() {
        let image = Image {
            media_type: "image/png".into(),
            data: vec![1, 2, 3, 255],
        };
        assert_eq!(data_url(&image), "data:image/png;base64,AQID/w==");
        assert_eq!(from_base64("AQID/w=="), Some(image.data));
        assert_eq!(from_base64("?"), None);
    }
}
