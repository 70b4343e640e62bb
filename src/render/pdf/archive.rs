//! What makes the file one for the archive (ISO 19005-1, level B): XMP metadata in addition to the document information, the colour space
//! that its colours are meant in, and the list of glyphs in each subset.
//!
//! Everything here is the same for the same report. The claim is checked from outside, by a validator.

use lopdf::{Dictionary, Document, Object, Stream, dictionary};

/// What both kinds of metadata say.
pub(crate) struct About {
    pub(crate) title: String,
    pub(crate) author: String,
    pub(crate) subject: String,
    pub(crate) keywords: String,
    pub(crate) creator: String,
    pub(crate) producer: String,
    /// `2026-11-23T05:00:00+00:00`.
    pub(crate) at: String,
}

/// Puts metadata and colour space into the catalog.
pub(crate) fn complete(file: &mut Document, about: &About) -> Result<(), lopdf::Error> {
    let kind = dictionary! { "Type" => "Metadata", "Subtype" => "XML" };
    // Readable without any program for PDF, so never compressed.
    let metadata = Stream::new(kind, xmp(about).into_bytes()).with_compression(false);
    let metadata = file.add_object(metadata);
    let mut profile = Stream::new(dictionary! { "N" => 3, "Alternate" => "DeviceRGB" }, srgb());
    profile.compress()?;
    let profile = file.add_object(profile);
    let intent = dictionary! {
        "Type" => "OutputIntent",
        "S" => "GTS_PDFA1",
        "OutputConditionIdentifier" => Object::string_literal("sRGB"),
        "Info" => Object::string_literal("sRGB IEC61966-2.1"),
        "DestOutputProfile" => profile,
    };
    let catalog = file.catalog_mut()?;
    catalog.set("Metadata", metadata);
    catalog.set("OutputIntents", Object::Array(vec![Object::Dictionary(intent)]));
    Ok(())
}

/// Lists the glyphs of a subset in the descriptor of its font. `font` is the font's dictionary; codes run without a gap.
pub(crate) fn list_glyphs(file: &mut Document, font: &Dictionary, count: u16) -> Result<(), lopdf::Error> {
    let descendant = font.get(b"DescendantFonts").and_then(Object::as_array)?;
    let descendant = descendant
        .first()
        .ok_or(lopdf::Error::DictKey("DescendantFonts".to_owned()))?;
    let descriptor = descendant.as_dict()?.get(b"FontDescriptor")?.as_reference()?;
    let mut bits = vec![0xff_u8; usize::from(count) / 8];
    if !count.is_multiple_of(8) {
        bits.push(0xff << (8 - count % 8));
    }
    let set = file.add_object(Stream::new(Dictionary::new(), bits));
    file.get_dictionary_mut(descriptor)?.set("CIDSet", set);
    Ok(())
}

fn xmp(about: &About) -> String {
    let About {
        title,
        author,
        subject,
        keywords,
        creator,
        producer,
        at,
    } = about;
    let [title, author, subject, keywords, creator, producer] =
        [title, author, subject, keywords, creator, producer].map(|text| escaped(text));
    format!(
        "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
         <x:xmpmeta xmlns:x=\"adobe:ns:meta/\">\n\
         <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n\
         <rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n\
         <dc:format>application/pdf</dc:format>\n\
         <dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">{title}</rdf:li></rdf:Alt></dc:title>\n\
         <dc:creator><rdf:Seq><rdf:li>{author}</rdf:li></rdf:Seq></dc:creator>\n\
         <dc:description><rdf:Alt><rdf:li xml:lang=\"x-default\">{subject}</rdf:li></rdf:Alt></dc:description>\n\
         </rdf:Description>\n\
         <rdf:Description rdf:about=\"\" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\">\n\
         <xmp:CreatorTool>{creator}</xmp:CreatorTool>\n\
         <xmp:CreateDate>{at}</xmp:CreateDate>\n\
         <xmp:ModifyDate>{at}</xmp:ModifyDate>\n\
         <xmp:MetadataDate>{at}</xmp:MetadataDate>\n\
         </rdf:Description>\n\
         <rdf:Description rdf:about=\"\" xmlns:pdf=\"http://ns.adobe.com/pdf/1.3/\">\n\
         <pdf:Producer>{producer}</pdf:Producer>\n\
         <pdf:Keywords>{keywords}</pdf:Keywords>\n\
         </rdf:Description>\n\
         <rdf:Description rdf:about=\"\" xmlns:pdfaid=\"http://www.aiim.org/pdfa/ns/id/\">\n\
         <pdfaid:part>1</pdfaid:part>\n\
         <pdfaid:conformance>B</pdfaid:conformance>\n\
         </rdf:Description>\n\
         </rdf:RDF>\n\
         </x:xmpmeta>\n\
         <?xpacket end=\"r\"?>"
    )
}

/// Text of XML: nothing that it may not hold, and nothing that it takes for its own.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            control if control.is_control() => escaped.push(' '),
            '\u{fffe}' | '\u{ffff}' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Points of the curve between stored numbers and light.
const CURVE: u16 = 1024;

/// An ICC profile (version 2) of sRGB (IEC 61966-2-1), made from its published numbers: primaries adapted to D50, and the
/// transfer function as a curve.
fn srgb() -> Vec<u8> {
    let xyz = |[x, y, z]: [i32; 3]| [b"XYZ \0\0\0\0".to_vec(), numbers(&[x, y, z])].concat();
    let mut description = b"desc\0\0\0\0".to_vec();
    description.extend(numbers(&[5]));
    description.extend(b"sRGB\0");
    // No names in other alphabets.
    description.extend([0; 4 + 4 + 2 + 1 + 67]);
    let mut curve = b"curv\0\0\0\0".to_vec();
    curve.extend(numbers(&[i32::from(CURVE)]));
    for step in 0..CURVE {
        let stored = f64::from(step) / f64::from(CURVE - 1);
        let light = if stored <= 0.040_45 {
            stored / 12.92
        } else {
            ((stored + 0.055) / 1.055).powf(2.4)
        };
        curve.extend(((light * 65535.0).round() as u16).to_be_bytes());
    }
    let parts: [(&[u8; 4], Vec<u8>); 6] = [
        (b"desc", description),
        (b"cprt", b"text\0\0\0\0no copyright\0".to_vec()),
        (b"wtpt", xyz(WHITE_D50)),
        (b"rXYZ", xyz([0x6fa2, 0x38f5, 0x0390])),
        (b"gXYZ", xyz([0x6299, 0xb785, 0x18da])),
        (b"bXYZ", xyz([0x24a0, 0x0f84, 0xb6cf])),
    ];
    let curves: [&[u8; 4]; 3] = [b"rTRC", b"gTRC", b"bTRC"];
    let count = parts.len() + curves.len();
    let mut table = numbers(&[count as i32]);
    let mut data = Vec::new();
    let start = 128 + 4 + 12 * count;
    for (name, mut part) in parts {
        table.extend(name);
        table.extend(numbers(&[(start + data.len()) as i32, part.len() as i32]));
        part.resize(part.len().next_multiple_of(4), 0);
        data.extend(part);
    }
    // All three colours share one curve.
    for name in curves {
        table.extend(name);
        table.extend(numbers(&[(start + data.len()) as i32, curve.len() as i32]));
    }
    data.extend(curve);
    data.resize(data.len().next_multiple_of(4), 0);
    let mut profile = numbers(&[(start + data.len()) as i32]);
    profile.extend([0; 4]);
    profile.extend(numbers(&[0x0210_0000]));
    profile.extend(b"mntrRGB XYZ ");
    // 2026-01-01, when these numbers were set down.
    profile.extend([2026_u16, 1, 1, 0, 0, 0].iter().flat_map(|part| part.to_be_bytes()));
    profile.extend(b"acsp");
    profile.extend([0; 28]);
    profile.extend(numbers(&WHITE_D50));
    profile.resize(128, 0);
    profile.extend(table);
    profile.extend(data);
    profile
}

/// D50 as ICC writes it, in 65536ths.
const WHITE_D50: [i32; 3] = [0xf6d6, 0x1_0000, 0xd32d];

fn numbers(numbers: &[i32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_profile_is_whole() {
        let profile = srgb();
        let number = |at: usize| {
            let bytes = profile[at..at + 4].try_into().expect("four bytes");
            u32::from_be_bytes(bytes) as usize
        };
        assert_eq!(number(0), profile.len());
        assert_eq!(&profile[36..40], b"acsp");
        for tag in 0..number(128) {
            let (offset, size) = (number(132 + tag * 12 + 4), number(132 + tag * 12 + 8));
            assert!(offset.is_multiple_of(4) && offset + size <= profile.len(), "tag {tag}");
        }
        // The three primaries add up to white.
        for (axis, white) in WHITE_D50.into_iter().enumerate() {
            let sum: usize = (3..6)
                .map(|tag| number(number(132 + tag * 12 + 4) + 8 + axis * 4))
                .sum();
            assert!(sum.abs_diff(white as usize) <= 16, "axis {axis}: {sum}");
        }
    }

    #[test]
    fn xml_holds_only_what_it_may() {
        assert_eq!(escaped("a<b>&\u{1b}\u{ffff}c"), "a&lt;b&gt;&amp;  c");
    }
}
