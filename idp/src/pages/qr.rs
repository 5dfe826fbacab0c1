//! QR codes as SVG.

use qrcode::{EcLevel, QrCode, render::svg};

use crate::error::Internal;

/// The QR code of `text`: black on white whatever the page's colours, since readers want dark on light, with its quiet
/// zone. The markup is made of numbers only.
pub(super) fn svg(text: &str) -> Result<String, Internal> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)
        .map_err(|error| Internal::Page(format!("QR code: {error}")))?;
    let document = code
        .render::<svg::Color<'_>>()
        .min_dimensions(240, 240)
        .dark_color(svg::Color("#000"))
        .light_color(svg::Color("#fff"))
        .build();
    // An XML declaration has no place inside HTML.
    Ok(document.find("<svg").map_or_else(String::new, |start| document[start..].to_owned()))
}
