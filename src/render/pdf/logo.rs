//! The picture on the cover: PNG and JPEG in, an image of the PDF out.
//!
//! A JPEG goes into the file as it is. The pixels of a PNG are unpacked and laid over white, for an archived document
//! may hold no transparency.

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

/// What the chunks of a PNG say.
#[derive(Default)]
struct Png {
    width: u32,
    height: u32,
    depth: u8,
    colour: u8,
    palette: Vec<u8>,
    /// Opacity of the palette's colours, from the first on.
    opacity: Vec<u8>,
    packed: Vec<u8>,
}

fn png(file: &[u8]) -> Result<Logo, String> {
    let png = chunks(file)?;
    check_size(png.width, png.height)?;
    let channels = png.channels()?;
    let bits = channels * usize::from(png.depth);
    let row = (png.width as usize * bits).div_ceil(8);
    let size = (row + 1) * png.height as usize;
    let mut lines = Stream::new(dictionary! { "Filter" => "FlateDecode" }, png.packed.clone())
        .decompressed_content_with_limit(size + 4096)
        .map_err(|error| format!("it is a damaged PNG: {error}"))?;
    if lines.len() < size {
        return Err("it is a damaged PNG: rows are missing".to_owned());
    }
    lines.truncate(size);
    let mut pixels = Vec::with_capacity(png.width as usize * png.height as usize * 3);
    let mut above = vec![0; row];
    for line in lines.chunks_exact_mut(row + 1) {
        let (filter, line) = line.split_first_mut().ok_or("it has no pixels")?;
        unfilter(*filter, line, &above, bits.div_ceil(8))?;
        pixels.extend((0..png.width as usize).flat_map(|x| png.pixel(line, x)));
        above.copy_from_slice(line);
    }
    Ok(Logo {
        width: png.width,
        height: png.height,
        kind: Kind::Pixels(pixels),
    })
}

/// Undoes the filter of one row (PNG, third edition, 9.2); `step` bytes make a pixel.
fn unfilter(filter: u8, line: &mut [u8], above: &[u8], step: usize) -> Result<(), String> {
    for at in 0..line.len() {
        let left = at.checked_sub(step).map_or(0, |at| line[at]);
        let corner = at.checked_sub(step).map_or(0, |at| above[at]);
        let guess = match filter {
            0 => 0,
            1 => left,
            2 => above[at],
            3 => left.midpoint(above[at]),
            4 => paeth(left, above[at], corner),
            _ => return Err("it is a damaged PNG: no such filter".to_owned()),
        };
        line[at] = line[at].wrapping_add(guess);
    }
    Ok(())
}

/// The neighbour that is nearest to left + above - corner.
fn paeth(left: u8, above: u8, corner: u8) -> u8 {
    let estimate = i16::from(left) + i16::from(above) - i16::from(corner);
    let distance = |value: u8| (estimate - i16::from(value)).abs();
    if distance(left) <= distance(above) && distance(left) <= distance(corner) {
        left
    } else if distance(above) <= distance(corner) {
        above
    } else {
        corner
    }
}

fn chunks(file: &[u8]) -> Result<Png, String> {
    let damaged = || "it is a damaged PNG".to_owned();
    let mut png = Png::default();
    let mut rest = &file[8..];
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let data = after.get(..length).ok_or_else(damaged)?;
        match &head[4..] {
            b"IHDR" if length == 13 => {
                let number = |at: usize| u32::from_be_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]);
                (png.width, png.height, png.depth, png.colour) = (number(0), number(4), data[8], data[9]);
                if data[12] != 0 {
                    return Err("it is interlaced; save it without".to_owned());
                }
            }
            b"PLTE" => png.palette = data.to_vec(),
            b"tRNS" if png.colour == 3 => png.opacity = data.to_vec(),
            b"IDAT" => png.packed.extend_from_slice(data),
            b"IEND" => return Ok(png),
            _ => {}
        }
        rest = after.get(length + 4..).ok_or_else(damaged)?;
    }
    Err(damaged())
}

impl Png {
    fn channels(&self) -> Result<usize, String> {
        match (self.colour, self.depth) {
            (0 | 3, 1 | 2 | 4 | 8) | (0, 16) => Ok(1),
            (4, 8 | 16) => Ok(2),
            (2, 8 | 16) => Ok(3),
            (6, 8 | 16) => Ok(4),
            _ => Err("it is a damaged PNG: no such colour type".to_owned()),
        }
    }

    /// One sample as it stands in the file; of 16 bits the upper 8.
    fn sample(&self, line: &[u8], at: usize) -> u8 {
        match self.depth {
            16 => line[at * 2],
            8 => line[at],
            depth => {
                let per_byte = 8 / usize::from(depth);
                let shift = 8 - usize::from(depth) * (at % per_byte + 1);
                (line[at / per_byte] >> shift) & ((1 << depth) - 1)
            }
        }
    }

    fn pixel(&self, line: &[u8], x: usize) -> [u8; 3] {
        let over_white = |colour: [u8; 3], opacity: u8| {
            colour.map(|part| {
                let opacity = u32::from(opacity);
                ((u32::from(part) * opacity + 255 * (255 - opacity) + 127) / 255) as u8
            })
        };
        let grey = |sample: u8| {
            let most = if self.depth < 8 { (1_u32 << self.depth) - 1 } else { 255 };
            [(u32::from(sample) * 255 / most) as u8; 3]
        };
        match self.colour {
            0 => grey(self.sample(line, x)),
            3 => {
                let index = usize::from(self.sample(line, x));
                let part = |channel: usize| self.palette.get(index * 3 + channel).copied().unwrap_or(0);
                over_white(
                    [part(0), part(1), part(2)],
                    self.opacity.get(index).copied().unwrap_or(255),
                )
            }
            4 => over_white(grey(self.sample(line, x * 2)), self.sample(line, x * 2 + 1)),
            2 => [0, 1, 2].map(|channel| self.sample(line, x * 3 + channel)),
            _ => {
                let colour = [0, 1, 2].map(|channel| self.sample(line, x * 4 + channel));
                over_white(colour, self.sample(line, x * 4 + 3))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use lopdf::{Dictionary, Object};

    use super::*;

    /// A PNG of one row, its samples packed without a row filter.
    fn one_row(width: u32, depth: u8, colour: u8, extra: &[(&[u8; 4], &[u8])], row: &[u8]) -> Vec<u8> {
        let mut line = Stream::new(Dictionary::new(), [&[0], row].concat());
        // Small data stay as they are, so rows are added that no image asks for.
        line.content.resize((row.len() + 1) * 200, 0);
        line.compress().expect("a compressed row");
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        let head = [
            &width.to_be_bytes()[..],
            &1_u32.to_be_bytes(),
            &[depth, colour, 0, 0, 0],
        ]
        .concat();
        let mut chunk = |kind: &[u8; 4], data: &[u8]| {
            file.extend(u32::try_from(data.len()).expect("small").to_be_bytes());
            file.extend(kind);
            file.extend(data);
            file.extend([0; 4]);
        };
        chunk(b"IHDR", &head);
        for (kind, data) in extra {
            chunk(kind, data);
        }
        chunk(b"IDAT", &line.content);
        chunk(b"IEND", &[]);
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
        let rgb = one_row(2, 8, 2, &[], &[1, 2, 3, 4, 5, 6]);
        assert_eq!(pixels(&rgb), [1, 2, 3, 4, 5, 6]);
        let rgba = one_row(2, 8, 6, &[], &[0, 0, 0, 0, 10, 20, 30, 255]);
        assert_eq!(pixels(&rgba), [255, 255, 255, 10, 20, 30]);
        let grey = one_row(4, 2, 0, &[], &[0b0001_1011]);
        assert_eq!(pixels(&grey), [0, 0, 0, 85, 85, 85, 170, 170, 170, 255, 255, 255]);
        let palette: [(&[u8; 4], &[u8]); 2] = [(b"PLTE", &[9, 9, 9, 100, 0, 200]), (b"tRNS", &[0])];
        let palette = one_row(2, 1, 3, &palette, &[0b0100_0000]);
        assert_eq!(pixels(&palette), [255, 255, 255, 100, 0, 200]);
        let deep = one_row(1, 16, 2, &[], &[7, 255, 8, 255, 9, 255]);
        assert_eq!(pixels(&deep), [7, 8, 9]);
    }

    #[test]
    fn rows_are_unfiltered_as_the_standard_says() {
        let above = [10, 20, 30, 40];
        for (filter, expected) in [
            (0, [1, 2, 3, 4]),
            (1, [1, 3, 6, 10]),
            (2, [11, 22, 33, 44]),
            (3, [6, 15, 25, 36]),
            (4, [11, 22, 33, 44]),
        ] {
            let mut line = [1, 2, 3, 4];
            unfilter(filter, &mut line, &above, 1).expect("a filter");
            assert_eq!(line, expected, "filter {filter}");
        }
        assert!(unfilter(5, &mut [0], &[0], 1).is_err());
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
        let mut interlaced = one_row(1, 8, 2, &[], &[1, 2, 3]);
        interlaced[28] = 1;
        let large = one_row(5000, 8, 0, &[], &[0]);
        let short = one_row(2500, 8, 2, &[], &[0]);
        let mut cut = one_row(1, 8, 2, &[], &[1, 2, 3]);
        cut.truncate(40);
        let cmyk = [&[0xff, 0xd8, 0xff, 0xc0, 0, 11, 8, 0, 4, 0, 4, 4][..], &[0; 20]].concat();
        for (file, why) in [
            (&b"GIF89a"[..], "neither PNG nor JPEG"),
            (&interlaced, "interlaced"),
            (&large, "5000"),
            (&short, "rows are missing"),
            (&cut, "damaged PNG"),
            (&cmyk, "neither grey nor RGB"),
            (&[0xff, 0xd8, 0xff], "damaged JPEG"),
        ] {
            let error = Logo::read(file).expect_err("unusable");
            assert!(error.contains(why), "`{error}`");
        }
    }
}
