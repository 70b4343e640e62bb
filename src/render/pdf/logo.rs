//! The picture on the cover: PNG and JPEG in, an image of the PDF out.
//!
//! A JPEG goes into the file as it is. The pixels of a PNG are unpacked and laid over white, for an archived document
//! may hold no transparency.

use std::io::Cursor;

use lopdf::{Stream, dictionary};

/// No picture on a cover needs more.
const MOST_PIXELS: u32 = 4000;

/// A picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo {
    /// Pixels across.
    pub(crate) width: u32,
    /// Pixels down.
    pub(crate) height: u32,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    /// A whole JPEG file with this many components.
    Jpeg { components: u8, file: Vec<u8> },
    /// Red, green, blue of every pixel.
    Pixels(Vec<u8>),
}

impl Logo {
    /// Reads a file.
    ///
    /// Errors: why it cannot be used.
    pub fn read(file: &[u8]) -> Result<Self, String> {
        let logo = if file.starts_with(b"\x89PNG\r\n\x1a\n") {
            png(file)
        } else if file.starts_with(&[0xff, 0xd8, 0xff]) {
            jpeg(file)
        } else {
            Err("it is neither PNG nor JPEG".to_owned())
        }?;
        if logo.width == 0 || logo.height == 0 {
            return Err("it has no pixels".to_owned());
        }
        Ok(logo)
    }

    /// The image of the PDF.
    pub(crate) fn stream(&self) -> Stream {
        let mut dict = dictionary! {
            "Type" => "XObject",
            "Subtype" => "Image",
            "Width" => i64::from(self.width),
            "Height" => i64::from(self.height),
            "BitsPerComponent" => 8,
            "ColorSpace" => "DeviceRGB",
        };
        match &self.kind {
            Kind::Pixels(pixels) => Stream::new(dict, pixels.clone()),
            Kind::Jpeg { components, file } => {
                dict.set("Filter", "DCTDecode");
                if *components == 1 {
                    dict.set("ColorSpace", "DeviceGray");
                }
                Stream::new(dict, file.clone()).with_compression(false)
            }
        }
    }
}

fn check_size(width: u32, height: u32) -> Result<(), String> {
    if width > MOST_PIXELS || height > MOST_PIXELS {
        return Err(format!(
            "it has {width} × {height} pixels, more than {MOST_PIXELS} on a side"
        ));
    }
    Ok(())
}

/// Width, height and components stand in the frame header (`SOF`) of a JPEG.
fn jpeg(file: &[u8]) -> Result<Logo, String> {
    let damaged = || "it is a damaged JPEG".to_owned();
    let mut at = 2;
    loop {
        let marker = *file.get(at + 1).ok_or_else(damaged)?;
        if file[at] != 0xff {
            return Err(damaged());
        }
        // Fill bytes, and markers without a length.
        if marker == 0xff || matches!(marker, 0x01 | 0xd0..=0xd8) {
            at += if marker == 0xff { 1 } else { 2 };
            continue;
        }
        let length = usize::from(u16::from_be_bytes([
            *file.get(at + 2).ok_or_else(damaged)?,
            *file.get(at + 3).ok_or_else(damaged)?,
        ]));
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let head = file.get(at + 4..at + 10).ok_or_else(damaged)?;
            let number = |at: usize| u32::from(u16::from_be_bytes([head[at], head[at + 1]]));
            let (height, width, components) = (number(1), number(3), head[5]);
            if head[0] != 8 || !matches!(components, 1 | 3) {
                return Err("it is neither grey nor RGB with 8 bits; save it as RGB".to_owned());
            }
            check_size(width, height)?;
            let file = file.to_vec();
            return Ok(Logo {
                width,
                height,
                kind: Kind::Jpeg { components, file },
            });
        }
        if matches!(marker, 0xd9 | 0xda) {
            return Err(damaged());
        }
        at += 2 + length.max(2);
    }
}

fn png(file: &[u8]) -> Result<Logo, String> {
    let damaged = |error: png::DecodingError| format!("it is a damaged PNG: {error}");
    let mut decoder = png::Decoder::new(Cursor::new(file));
    // Grey or red, green, blue with 8 bits each, with opacity or without.
    decoder.set_transformations(png::Transformations::EXPAND | png::Transformations::STRIP_16);
    let mut reader = decoder.read_info().map_err(damaged)?;
    let (width, height) = (reader.info().width, reader.info().height);
    check_size(width, height)?;
    let size = reader.output_buffer_size().ok_or("it has too many pixels")?;
    let mut samples = vec![0; size];
    let frame = reader.next_frame(&mut samples).map_err(damaged)?;
    let samples = samples[..frame.buffer_size()].chunks_exact(frame.color_type.samples());
    let pixel = |pixel: &[u8]| match *pixel {
        [grey] => [grey; 3],
        [grey, opacity] => over_white([grey; 3], opacity),
        [red, green, blue] => [red, green, blue],
        [red, green, blue, opacity] => over_white([red, green, blue], opacity),
        _ => unreachable!("the decoder expands palettes"),
    };
    Ok(Logo {
        width,
        height,
        kind: Kind::Pixels(samples.flat_map(pixel).collect()),
    })
}

/// A colour of that opacity on white paper.
fn over_white(colour: [u8; 3], opacity: u8) -> [u8; 3] {
    colour.map(|part| {
        let opacity = u32::from(opacity);
        ((u32::from(part) * opacity + 255 * (255 - opacity) + 127) / 255) as u8
    })
}

#[cfg(test)]
mod tests {
    use lopdf::Object;

    use super::*;

    /// A PNG of one row.
    fn one_row(width: u32, depth: png::BitDepth, colour: png::ColorType, row: &[u8]) -> Vec<u8> {
        encoded(width, depth, colour, row, |_| {})
    }

    fn encoded(
        width: u32,
        depth: png::BitDepth,
        colour: png::ColorType,
        row: &[u8],
        more: impl FnOnce(&mut png::Encoder<'_, &mut Vec<u8>>),
    ) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, 1);
        encoder.set_depth(depth);
        encoder.set_color(colour);
        more(&mut encoder);
        let mut writer = encoder.write_header().expect("a header");
        writer.write_image_data(row).expect("a row");
        writer.finish().expect("an end");
        file
    }

    fn pixels(file: &[u8]) -> Vec<u8> {
        match Logo::read(file).expect("a picture").kind {
            Kind::Pixels(pixels) => pixels,
            Kind::Jpeg { .. } => panic!("not a PNG"),
        }
    }

    #[test]
    fn every_kind_of_png_becomes_opaque_pixels() {
        use png::BitDepth::{Eight, One, Sixteen, Two};
        use png::ColorType::{Grayscale, Indexed, Rgb, Rgba};
        let rgb = one_row(2, Eight, Rgb, &[1, 2, 3, 4, 5, 6]);
        assert_eq!(pixels(&rgb), [1, 2, 3, 4, 5, 6]);
        let rgba = one_row(2, Eight, Rgba, &[0, 0, 0, 0, 10, 20, 30, 255]);
        assert_eq!(pixels(&rgba), [255, 255, 255, 10, 20, 30]);
        let grey = one_row(4, Two, Grayscale, &[0b0001_1011]);
        assert_eq!(pixels(&grey), [0, 0, 0, 85, 85, 85, 170, 170, 170, 255, 255, 255]);
        let palette = encoded(2, One, Indexed, &[0b0100_0000], |encoder| {
            encoder.set_palette(vec![9, 9, 9, 100, 0, 200]);
            encoder.set_trns(vec![0]);
        });
        assert_eq!(pixels(&palette), [255, 255, 255, 100, 0, 200]);
        let deep = one_row(1, Sixteen, Rgb, &[7, 255, 8, 255, 9, 255]);
        assert_eq!(pixels(&deep), [7, 8, 9]);
    }

    #[test]
    fn a_jpeg_goes_in_as_it_is() {
        let file = [
            &[0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0][..],
            &[0xff, 0xc0, 0, 11, 8, 0, 40, 0, 120, 1, 1, 0x11, 0],
            &[0xff, 0xd9],
        ]
        .concat();
        let logo = Logo::read(&file).expect("a picture");
        assert_eq!((logo.width, logo.height), (120, 40));
        let stream = logo.stream();
        assert_eq!(stream.content, file);
        let space = stream.dict.get(b"ColorSpace").and_then(Object::as_name);
        assert!(space.is_ok_and(|space| space == b"DeviceGray"));
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        use png::BitDepth::Eight;
        use png::ColorType::{Grayscale, Rgb};
        let large = one_row(5000, Eight, Grayscale, &[0; 5000]);
        let whole = one_row(2500, Eight, Rgb, &[7; 7500]);
        let mut flipped = whole.clone();
        flipped[45] ^= 1;
        let cmyk = [&[0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 4, 0, 4, 4][..], &[0; 20]].concat();
        for (file, why) in [
            (&b"GIF89a"[..], "neither PNG nor JPEG"),
            (&large, "5000"),
            (&whole[..60], "damaged PNG"),
            (&whole[..20], "damaged PNG"),
            (&flipped, "damaged PNG"),
            (&cmyk, "neither grey nor RGB"),
            (&[0xff, 0xd8, 0xff], "damaged JPEG"),
        ] {
            let error = Logo::read(file).expect_err("unusable");
            assert!(error.contains(why), "`{error}`");
        }
    }
}
