//! QR codes as SVG.

use qrcode::{
    Color, EcLevel, bits,
    canvas::{Canvas, MaskPattern},
    ec,
    types::QrError,
};

use crate::error::Internal;

/// Light modules around the code (ISO/IEC 18004 §9.1).
const QUIET: usize = 4;

/// The QR code of `text`: black on white whatever the page's colours, since readers want dark on light, with its quiet
/// zone. The markup is made of numbers only.
pub(super) fn svg(text: &str) -> Result<String, Internal> {
    let (width, modules) = modules(text).map_err(|error| Internal::Page(format!("QR code: {error}")))?;
    let side = width + 2 * QUIET;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 -.5 {side} {side}\" width=\"240\" height=\"240\" \
         shape-rendering=\"crispEdges\"><path fill=\"#fff\" d=\"M0-.5h{side}v{side}H0z\"/><path stroke=\"#000\" d=\""
    );
    svg.reserve(width * width * 2);
    for (y, row) in modules.chunks(width).enumerate() {
        svg.push('M');
        push_number(&mut svg, QUIET);
        svg.push(' ');
        push_number(&mut svg, y + QUIET);
        // A run of dark modules is one stroke of the pen, a run of light ones a step: a tenth of the markup of squares.
        for run in row.chunk_by(|one, next| one == next) {
            let dark = run.first() == Some(&Color::Dark);
            svg.push(if dark { 'h' } else { 'm' });
            push_number(&mut svg, run.len());
            if !dark {
                svg.push_str(" 0");
            }
        }
    }
    svg.push_str("\"/></svg>");
    Ok(svg)
}

/// Decimal. Most runs have one digit, and `format!` would be most of the cost of drawing them.
fn push_number(text: &mut String, number: usize) {
    const DIGITS: [char; 10] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'];
    match DIGITS.get(number) {
        Some(digit) => text.push(*digit),
        None => text.push_str(&number.to_string()),
    }
}

/// Width in modules, and the modules row by row. Trying all eight masks for the calmest picture costs twenty times the
/// rest; what we encode is as good as random, so that any mask leaves it as readable, and readers take any.
fn modules(text: &str) -> Result<(usize, Vec<Color>), QrError> {
    let bits = bits::encode_auto(text.as_bytes(), EcLevel::M)?;
    let version = bits.version();
    let (data, check) = ec::construct_codewords(&bits.into_bytes(), version, EcLevel::M)?;
    let mut canvas = Canvas::new(version, EcLevel::M);
    canvas.draw_all_functional_patterns();
    canvas.draw_data(&data, &check);
    canvas.apply_mask(MaskPattern::DiagonalLines);
    Ok((usize::try_from(version.width()).unwrap_or_default(), canvas.into_colors()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// Draws the bars of the SVG's second path: what a reader's camera would see.
    fn drawn(svg: &str) -> (usize, Vec<(usize, usize, usize)>) {
        let side = svg.split("viewBox=\"0 -.5 ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        let path = svg.rsplit("<path stroke=\"#000\" d=\"").next().unwrap().split('"').next().unwrap();
        let mut bars = Vec::new();
        for row in path.split('M').skip(1) {
            let (start, mut steps) = row.split_at(row.find(['h', 'm']).unwrap());
            let (x, y) = start.split_once(' ').unwrap();
            let (mut x, y) = (x.parse::<usize>().unwrap(), y.parse().unwrap());
            while let Some(step) = steps.chars().next() {
                let (this, rest) = steps[1..].split_at(steps[1..].find(['h', 'm']).unwrap_or(steps.len() - 1));
                let run = this.trim_end_matches(" 0").parse().unwrap();
                if step == 'h' {
                    bars.push((x, y, run));
                }
                (x, steps) = (x + run, rest);
            }
        }
        (side, bars)
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
