//! The three faces of the report: widths, which characters they hold, and the subset that goes into the file.
//!
//! Widths are calculated exactly as printpdf writes them into the file (whole thousandths of an em, cut off), so that
//! what is measured here is what a viewer shows.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use printpdf::ParsedFont;
use sha2::{Digest, Sha256};
use subsetter::GlyphRemapper;

/// A typeface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Face {
    /// Running text and table cells.
    Regular,
    /// Headings, names, numbers that matter.
    Bold,
    /// Digests and ARNs that a person compares letter by letter.
    Mono,
}

impl Face {
    pub(crate) const ALL: [Self; 3] = [Self::Regular, Self::Bold, Self::Mono];

    /// The name of the font resource on the pages.
    pub(crate) const fn resource(self) -> &'static str {
        match self {
            Self::Regular => "Regular",
            Self::Bold => "Bold",
            Self::Mono => "Mono",
        }
    }

    const fn font_name(self) -> &'static str {
        match self {
            Self::Regular => "DejaVuSansCondensed",
            Self::Bold => "DejaVuSansCondensed-Bold",
            Self::Mono => "DejaVuSansMono",
        }
    }

    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Regular => dejavu::sans_condensed::regular(),
            Self::Bold => dejavu::sans_condensed::bold(),
            Self::Mono => dejavu::sans_mono::regular(),
        }
    }
}

struct LoadedFace {
    parsed: ttf_parser::Face<'static>,
    /// Widths of U+0000 to U+007F in thousandths of an em.
    ascii: [u16; 128],
    /// By glyph: the lowest code point that it stands for, or 0.
    first_code: Vec<u32>,
}

/// The faces, parsed.
pub(crate) struct Fonts {
    faces: [LoadedFace; 3],
}

impl Fonts {
    /// Parses the faces that come with the program.
    pub(crate) fn load() -> Result<Self, String> {
        let [regular, bold, mono] = Face::ALL.map(LoadedFace::load);
        Ok(Self {
            faces: [regular?, bold?, mono?],
        })
    }

    fn face(&self, face: Face) -> &LoadedFace {
        &self.faces[face as usize]
    }

    /// The advance of one character in thousandths of an em.
    pub(crate) fn advance(&self, face: Face, character: char) -> u32 {
        self.face(face).advance(character)
    }

    /// The width of a line of visible text in points.
    pub(crate) fn width(&self, face: Face, size: f32, text: &str) -> f32 {
        let face = self.face(face);
        text.chars().map(|character| face.advance(character)).sum::<u32>() as f32 * size / 1000.0
    }

    /// The text with everything that the face cannot show as itself spelled out: `[U+1F600]`. That holds for characters
    /// without a glyph, for control and direction marks, and for look-alikes that share a glyph with another character:
    /// an auditor must be able to tell two names apart, on paper and when copying from it.
    pub(crate) fn visible<'t>(&self, face: Face, text: &'t str) -> Cow<'t, str> {
        if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return Cow::Borrowed(text);
        }
        let face = self.face(face);
        let mut visible = String::with_capacity(text.len() + 16);
        for character in text.chars() {
            if face.shows(character) {
                visible.push(character);
            } else {
                let _ = write!(visible, "[U+{:04X}]", u32::from(character));
            }
        }
        Cow::Owned(visible)
    }

    /// The face cut down to the characters that the pages were spelled with.
    pub(crate) fn embed(&self, face: Face, codes: &Codes) -> Result<ParsedFont, String> {
        let parsed = &self.face(face).parsed;
        let codes = &codes.0[face as usize];
        let width = |glyph: u16| parsed.glyph_hor_advance(ttf_parser::GlyphId(glyph)).unwrap_or(0);
        let bytes =
            subsetter::subset(face.bytes(), 0, &codes.glyphs).map_err(|error| format!("font subset: {error}"))?;
        let mut font = ParsedFont::from_bytes(face.bytes(), 0, &mut Vec::new())
            .ok_or_else(|| format!("{} cannot be read", face.font_name()))?;
        font.font_name = Some(format!("{}+{}", subset_tag(&bytes), face.font_name()));
        font.original_bytes = bytes;
        font.codepoint_to_glyph = codes
            .used()
            .map(|(character, code)| (u32::from(character), code))
            .collect();
        font.glyph_widths = codes
            .glyphs
            .remapped_gids()
            .zip(0..)
            .map(|(glyph, code)| (code, width(glyph)))
            .collect();
        Ok(font)
    }
}

/// How pages spell characters: each gets the next number of its face when it first occurs, so that a page can be finished
/// before the next one is begun.
#[derive(Default)]
pub(crate) struct Codes([FaceCodes; 3]);

struct FaceCodes {
    /// Codes of U+0000 to U+007F; 0: not used yet.
    ascii: [u16; 128],
    others: BTreeMap<char, u16>,
    glyphs: GlyphRemapper,
}

impl Default for FaceCodes {
    fn default() -> Self {
        Self {
            ascii: [0; 128],
            others: BTreeMap::new(),
            glyphs: GlyphRemapper::new(),
        }
    }
}

impl FaceCodes {
    fn used(&self) -> impl Iterator<Item = (char, u16)> {
        let ascii = self.ascii.iter().zip(0_u8..).filter(|(code, _)| **code > 0);
        ascii
            .map(|(&code, character)| (char::from(character), code))
            .chain(self.others.iter().map(|(&character, &code)| (character, code)))
    }
}

impl Codes {
    /// A line as the pages spell it: two bytes for each character.
    pub(crate) fn encode(&mut self, fonts: &Fonts, face: Face, text: &str) -> Vec<u8> {
        let codes = &mut self.0[face as usize];
        let mut spelled = Vec::with_capacity(text.len() * 2);
        for character in text.chars() {
            let known = match codes.ascii.get(character as usize) {
                Some(&code) => code,
                None => codes.others.get(&character).copied().unwrap_or(0),
            };
            let code = if known > 0 {
                known
            } else {
                let glyph = fonts
                    .face(face)
                    .parsed
                    .glyph_index(character)
                    .map_or(0, |glyph| glyph.0);
                let code = codes.glyphs.remap(glyph);
                match codes.ascii.get_mut(character as usize) {
                    Some(place) => *place = code,
                    None => drop(codes.others.insert(character, code)),
                }
                code
            };
            spelled.extend(code.to_be_bytes());
        }
        spelled
    }

    /// The characters of a face that the pages show.
    pub(crate) fn shown(&self, face: Face) -> String {
        self.0[face as usize].used().map(|(character, _)| character).collect()
    }

    /// How many glyphs the subset of a face holds, that for missing ones included.
    pub(crate) fn glyph_count(&self, face: Face) -> u16 {
        self.0[face as usize].glyphs.num_gids()
    }
}

impl LoadedFace {
    fn load(face: Face) -> Result<Self, String> {
        let parsed = ttf_parser::Face::parse(face.bytes(), 0)
            .map_err(|error| format!("{} cannot be read: {error}", face.font_name()))?;
        let mut first_code = vec![0_u32; usize::from(parsed.number_of_glyphs())];
        for subtable in parsed.tables().cmap.iter().flat_map(|cmap| cmap.subtables) {
            if !subtable.is_unicode() {
                continue;
            }
            subtable.codepoints(|code| {
                let glyph = subtable.glyph_index(code).map_or(0, |glyph| usize::from(glyph.0));
                if let Some(first) = first_code.get_mut(glyph)
                    && (*first == 0 || code < *first)
                {
                    *first = code;
                }
            });
        }
        let mut loaded = Self {
            parsed,
            ascii: [0; 128],
            first_code,
        };
        for code in 0x20_u8..0x7f {
            loaded.ascii[usize::from(code)] = u16::try_from(loaded.measure(char::from(code))).unwrap_or(0);
        }
        Ok(loaded)
    }

    fn advance(&self, character: char) -> u32 {
        match self.ascii.get(character as usize) {
            Some(&width) => u32::from(width),
            None => self.measure(character),
        }
    }

    fn measure(&self, character: char) -> u32 {
        let glyph = self.parsed.glyph_index(character);
        let width = glyph
            .and_then(|glyph| self.parsed.glyph_hor_advance(glyph))
            .unwrap_or(0);
        (f32::from(width) * 1000.0 / f32::from(self.parsed.units_per_em())) as u32
    }

    fn shows(&self, character: char) -> bool {
        if character.is_ascii() {
            return (' '..='~').contains(&character);
        }
        if character.is_control() || character.is_whitespace() || is_invisible(character) {
            return false;
        }
        self.parsed.glyph_index(character).is_some_and(|glyph| {
            glyph.0 != 0 && self.first_code.get(usize::from(glyph.0)) == Some(&u32::from(character))
        })
    }
}

/// Direction marks, joiners, variation selectors, private ranges and pictographs: they change how the text around
/// them looks, look like nothing at all, or look different in every font.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{e000}'..='\u{f8ff}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}'
        | '\u{1f000}'..='\u{1fbff}' | '\u{e0000}'..='\u{10ffff}')
}

/// Six letters that name a subset (ISO 32000-1, 9.6.4): the same bytes, the same letters.
fn subset_tag(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .take(6)
        .map(|byte| char::from(b'A' + byte % 26))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_shown_is_spelled_out() {
        let fonts = Fonts::load().expect("fonts");
        let visible = |text: &str| fonts.visible(Face::Regular, text).into_owned();
        assert_eq!(visible("plain-Name_1.x"), "plain-Name_1.x");
        assert_eq!(visible("Größe – ✓ Ω"), "Größe – ✓ Ω");
        assert_eq!(visible("a\u{1F600}b"), "a[U+1F600]b");
        assert_eq!(visible("表"), "[U+8868]");
        assert_eq!(
            visible("a\nb\u{1b}[31m\u{202e}c\u{a0}d"),
            "a[U+000A]b[U+001B][31m[U+202E]c[U+00A0]d"
        );
    }

    #[test]
    fn a_subset_holds_the_used_characters_only() {
        let fonts = Fonts::load().expect("fonts");
        let mut codes = Codes::default();
        assert_eq!(codes.encode(&fonts, Face::Regular, "Od"), [0, 1, 0, 2]);
        assert_eq!(
            codes.encode(&fonts, Face::Regular, "rders"),
            [0, 3, 0, 2, 0, 4, 0, 3, 0, 5]
        );
        assert_eq!(
            codes.encode(&fonts, Face::Bold, "d"),
            [0, 1],
            "each face counts by itself"
        );
        assert_eq!(codes.shown(Face::Regular), "Oders");
        let font = fonts.embed(Face::Regular, &codes).expect("a subset");
        assert!(
            font.original_bytes.len() < 20_000,
            "{} bytes",
            font.original_bytes.len()
        );
        assert_eq!(font.codepoint_to_glyph.len(), 5);
        assert_eq!(font.glyph_widths.len(), 6, "with that for missing glyphs");
    }
}
