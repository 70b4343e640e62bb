//! ListObjectsV2, ListObjects and ListObjectVersions.
//!
//! In: prefix, delimiter, where to go on, how many. Out: one page, keys in the order of their bytes. A page never holds more
//! than 1,000 keys and common prefixes, however many are asked for.

use std::ops::Bound;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::paging;
use super::reply::xml_reply;
use super::request::Request;
use crate::call::Reply;
use crate::cloud::Cloud;
use crate::s3::refusal::Refusal;
use crate::s3::state::{Bucket, Object, Version};
use crate::s3::xml::{self, Writer};

/// Most entries of a page.
const PAGE: usize = 1000;

/// What `encoding-type=url` leaves as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'*');

/// What every listing has in common.
struct Query<'a> {
    prefix: &'a str,
    delimiter: Option<&'a str>,
    most: usize,
    encodes: bool,
}

impl<'a> Query<'a> {
    fn read(request: &'a Request<'_>) -> Result<Self, Refusal> {
        let encodes = match request.query("encoding-type") {
            None | Some("") => false,
            Some("url") => true,
            Some(other) => {
                return Err(Refusal::invalid_argument(
                    "Invalid Encoding Method specified in Request",
                    "encoding-type",
                    other,
                ));
            }
        };
        Ok(Self {
            prefix: request.query("prefix").unwrap_or_default(),
            delimiter: request.query("delimiter").filter(|delimiter| !delimiter.is_empty()),
            most: paging::limit(request, "max-keys", PAGE)?,
            encodes,
        })
    }

    /// A key as the answer writes it.
    fn show(&self, key: &str) -> String {
        if self.encodes {
            utf8_percent_encode(key, ENCODED).to_string().replace("%20", "+")
        } else {
            key.to_owned()
        }
    }

    /// The common prefix that stands for this key, if there is one.
    fn common_prefix<'k>(&self, key: &'k str) -> Option<&'k str> {
        let delimiter = self.delimiter?;
        let rest = key.get(self.prefix.len()..)?;
        let end = self.prefix.len() + rest.find(delimiter)? + delimiter.len();
        key.get(..end)
    }

    fn head(&self, xml: &mut Writer, bucket: &Bucket) {
        xml.text("Name", &bucket.name);
        xml.text("Prefix", &self.show(self.prefix));
        xml.maybe(
            "Delimiter",
            self.delimiter.map(|delimiter| self.show(delimiter)).as_deref(),
        );
        xml.text("MaxKeys", &self.most.to_string());
        xml.maybe("EncodingType", self.encodes.then_some("url"));
    }

    fn prefixes(&self, xml: &mut Writer, prefixes: &[&str]) {
        for prefix in prefixes {
            xml.element("CommonPrefixes", |xml| xml.text("Prefix", &self.show(prefix)));
        }
    }
}

/// One page of a listing.
#[derive(Default)]
struct Page<'b> {
    versions: Vec<(&'b str, &'b Version, bool)>,
    prefixes: Vec<&'b str>,
    /// The last key or common prefix of the page.
    last: &'b str,
    last_version: Option<&'b str>,
    truncated: bool,
}

impl Page<'_> {
    fn len(&self) -> usize {
        self.versions.len() + self.prefixes.len()
    }
}

/// Where a page starts: behind a key, or behind one version of it.
struct Start<'a> {
    key: &'a str,
    version: Option<&'a str>,
}

/// Collects a page of the versions for which `shown` holds.
fn page<'b>(bucket: &'b Bucket, query: &Query<'_>, start: &Start<'_>, all_versions: bool) -> Page<'b> {
    let mut page = Page::default();
    if query.most == 0 {
        return page;
    }
    let from = query.prefix.max(start.key);
    for (key, versions) in bucket.keys.range::<str, _>((Bound::Included(from), Bound::Unbounded)) {
        if !key.starts_with(query.prefix) {
            break;
        }
        let resumes = key == start.key && start.version.is_some();
        if key.as_str() <= start.key && !resumes {
            continue;
        }
        if !all_versions && versions.last().is_none_or(|version| version.object.is_none()) {
            continue;
        }
        if let Some(prefix) = query.common_prefix(key) {
            if prefix == start.key || page.prefixes.last() == Some(&prefix) {
                continue;
            }
            if page.len() == query.most {
                page.truncated = true;
                return page;
            }
            page.prefixes.push(prefix);
            (page.last, page.last_version) = (prefix, None);
            continue;
        }
        let newest = versions.len() - 1;
        let mut rows: Vec<(usize, &Version)> = versions.iter().enumerate().rev().collect();
        if !all_versions {
            rows.truncate(1);
        }
        if resumes {
            let seen = rows
                .iter()
                .position(|(_, version)| Some(version.id.as_str()) == start.version);
            rows.drain(..seen.map_or(rows.len(), |seen| seen + 1));
        }
        for (index, version) in rows {
            if page.len() == query.most {
                page.truncated = true;
                return page;
            }
            page.versions.push((key, version, index == newest));
            (page.last, page.last_version) = (key, Some(version.id.as_str()));
        }
    }
    page
}

/// ListObjectsV2.
pub(super) fn objects_v2(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = super::buckets::open(&cloud.s3, request)?;
    let query = Query::read(request)?;
    let token = request.query("continuation-token");
    let resumed = token.map(paging::open_token).transpose()?;
    let after = resumed.as_deref().or(request.query("start-after")).unwrap_or_default();
    let page = page(
        bucket,
        &query,
        &Start {
            key: after,
            version: None,
        },
        false,
    );
    let owners = request.query("fetch-owner") == Some("true");
    let body = Writer::document("ListBucketResult", |xml| {
        query.head(xml, bucket);
        xml.text("KeyCount", &page.len().to_string());
        xml.text("IsTruncated", if page.truncated { "true" } else { "false" });
        xml.maybe("ContinuationToken", token);
        xml.maybe(
            "StartAfter",
            request.query("start-after").map(|key| query.show(key)).as_deref(),
        );
        if page.truncated {
            xml.text("NextContinuationToken", &paging::seal_token(page.last));
        }
        contents(xml, bucket, &query, &page, owners);
    });
    Ok(xml_reply(200, Vec::new(), body))
}

/// ListObjects, the first version; `NextMarker` only with a delimiter, else clients take the last key.
pub(super) fn objects_v1(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = super::buckets::open(&cloud.s3, request)?;
    let query = Query::read(request)?;
    let marker = request.query("marker").unwrap_or_default();
    let page = page(
        bucket,
        &query,
        &Start {
            key: marker,
            version: None,
        },
        false,
    );
    let body = Writer::document("ListBucketResult", |xml| {
        query.head(xml, bucket);
        xml.text("Marker", &query.show(marker));
        xml.text("IsTruncated", if page.truncated { "true" } else { "false" });
        if page.truncated && query.delimiter.is_some() {
            xml.text("NextMarker", &query.show(page.last));
        }
        contents(xml, bucket, &query, &page, true);
    });
    Ok(xml_reply(200, Vec::new(), body))
}

fn contents(xml: &mut Writer, bucket: &Bucket, query: &Query<'_>, page: &Page<'_>, owners: bool) {
    for (key, version, _) in &page.versions {
        let Some(object) = &version.object else { continue };
        xml.element("Contents", |xml| {
            xml.text("Key", &query.show(key));
            xml.text("LastModified", &xml::time(version.modified));
            described(xml, object);
            if owners {
                xml.owner("Owner", &bucket.account);
            }
        });
    }
    query.prefixes(xml, &page.prefixes);
}

fn described(xml: &mut Writer, object: &Object) {
    xml.text("ETag", &object.etag);
    xml.text("ChecksumAlgorithm", object.checksum.algorithm.name());
    xml.text("ChecksumType", object.checksum.kind.name());
    xml.text("Size", &object.data.len().to_string());
    xml.text("StorageClass", &object.storage_class);
}

/// ListObjectVersions: every version and delete marker, the newest of a key first.
pub(super) fn versions(cloud: &mut Cloud, request: &Request<'_>) -> Result<Reply, Refusal> {
    let bucket = super::buckets::open(&cloud.s3, request)?;
    let query = Query::read(request)?;
    let key = request.query("key-marker").unwrap_or_default();
    let version = request.query("version-id-marker").filter(|id| !id.is_empty());
    if let Some(version) = version.filter(|_| key.is_empty()) {
        let message = "A version-id marker cannot be specified without a key marker.";
        return Err(Refusal::invalid_argument(message, "version-id-marker", version));
    }
    let page = page(bucket, &query, &Start { key, version }, true);
    let body = Writer::document("ListVersionsResult", |xml| {
        query.head(xml, bucket);
        xml.text("KeyMarker", &query.show(key));
        xml.text("VersionIdMarker", version.unwrap_or_default());
        xml.text("IsTruncated", if page.truncated { "true" } else { "false" });
        if page.truncated {
            xml.text("NextKeyMarker", &query.show(page.last));
            xml.maybe("NextVersionIdMarker", page.last_version);
        }
        for (key, version, latest) in &page.versions {
            xml.element(
                if version.object.is_some() {
                    "Version"
                } else {
                    "DeleteMarker"
                },
                |xml| {
                    xml.text("Key", &query.show(key));
                    xml.text("VersionId", &version.id);
                    xml.text("IsLatest", if *latest { "true" } else { "false" });
                    xml.text("LastModified", &xml::time(version.modified));
                    if let Some(object) = &version.object {
                        described(xml, object);
                    }
                    xml.owner("Owner", &bucket.account);
                },
            );
        }
        query.prefixes(xml, &page.prefixes);
    });
    Ok(xml_reply(200, Vec::new(), body))
}
