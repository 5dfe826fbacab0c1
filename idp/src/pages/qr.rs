//! QR codes as SVG.

use std::fmt::Write;

use fast_qr::{ECL, Mask, QRBuilder, QRCode};

use crate::error::Internal;

/// Light modules around the code (ISO/IEC 18004 §9.1).
const QUIET: usize = 4;

/// The QR code of `text`: black on white whatever the page's colours, since readers want dark on light, with its quiet
/// zone. The markup is made of numbers only.
pub(super) fn svg(text: &str) -> Result<String, Internal> {
    let code = modules(text)?;
    let side = code.size + 2 * QUIET;
    let mut path = String::with_capacity(code.size * code.size * 6);
    for y in 0..code.size {
        let row = &code[y];
        let mut x = 0;
        while x < code.size {
            let start = x;
            while x < code.size && row[x].value() {
                x += 1;
            }
            if x > start {
                // A run of dark modules is one bar: a fifth of the markup of a square each.
                write!(path, "M{} {}h{}v1h-{}z", start + QUIET, y + QUIET, x - start, x - start)
                    .map_err(|error| Internal::Page(format!("QR code: {error}")))?;
            }
            x += 1;
        }
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" width=\"240\" height=\"240\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{path}\"/></svg>"
    ))
}

fn modules(text: &str) -> Result<QRCode, Internal> {
    // Trying all eight masks for the calmest picture costs ten times the rest; what we encode is as good as random, so
    // that any mask leaves it as readable.
    QRBuilder::new(text)
        .ecl(ECL::M)
        .mask(Mask::Checkerboard)
        .build()
        .map_err(|error| Internal::Page(format!("QR code: {error:?}")))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// Draws the bars of the SVG's second path: what a reader's camera would see.
    fn drawn(svg: &str) -> (usize, Vec<(usize, usize, usize)>) {
        let side = svg.split("viewBox=\"0 0 ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        let path = svg.rsplit("<path d=\"").next().unwrap().split('"').next().unwrap();
        let bars = path.split('M').skip(1).map(|bar| {
            let (x, rest) = bar.split_once(' ').unwrap();
            let (y, rest) = rest.split_once('h').unwrap();
            (x.parse().unwrap(), y.parse().unwrap(), rest.split_once('v').unwrap().0.parse().unwrap())
        });
        (side, bars.collect())
    }

    #[test]
    fn an_independent_reader_reads_what_was_drawn() {
        const SCALE: usize = 4;
        for text in ["enum:l?c=58715204".to_owned(), format!("enum:s?{}", "Ab3_-".repeat(50))] {
            let (side, bars) = drawn(&svg(&text).unwrap());
            let dark =
                |x: usize, y: usize| bars.iter().any(|(from, row, run)| *row == y && (*from..from + run).contains(&x));
            let mut image = rqrr::PreparedImage::prepare_from_greyscale(side * SCALE, side * SCALE, |x, y| {
                if dark(x / SCALE, y / SCALE) { 0 } else { 255 }
            });
            let grids = image.detect_grids();
            assert_eq!(grids.len(), 1);
            assert_eq!(grids[0].decode().unwrap().1, text);
        }
    }

    #[test]
    fn markup_holds_numbers_only() {
        let code = svg("\"><script>alert(1)</script>").unwrap();
        assert!(!code.contains("script"));
    }
}
