//! Values that unit tests of several modules start from.

use bytes::Bytes;
use hyper::{HeaderMap, Method};

use crate::call::{Allowance, Call, Caller, Service};
use crate::clock::Clock;
use crate::cloud::{Account, Cloud};

/// A signed `POST /` without a body.
pub(crate) fn call(service: Service, account: &str, region: &str) -> Call {
    Call {
        service,
        caller: Caller {
            account: account.to_owned(),
            region: region.to_owned(),
            access_key: "AKIA111122223333TEST".to_owned(),
            arn: format!("arn:aws:iam::{account}:user/auditor"),
            principal: format!("arn:aws:iam::{account}:user/auditor"),
        },
        method: Method::POST,
        path: "/".to_owned(),
        query: Vec::new(),
        headers: HeaderMap::new(),
        body: Bytes::new(),
        now: cloud().now(),
        request_id: "00000000-0000-4000-8000-000000000000".to_owned(),
        allowance: Allowance::default(),
    }
}

/// An AWS of one account, 111122223333, with `eu-west-1` and `us-east-1`, whose clock stands at noon of 1 November 2026.
pub(crate) fn cloud() -> Cloud {
    let noon = chrono::DateTime::from_timestamp(1_793_534_400, 0).unwrap();
    let mut cloud = Cloud::new(Clock::new(noon, 0.0), 1);
    let account = Account {
        id: "111122223333".to_owned(),
        name: "test".to_owned(),
        regions: vec!["eu-west-1".to_owned(), "us-east-1".to_owned()],
        ..Account::default()
    };
    cloud.first_account = Some(account.id.clone());
    cloud.accounts.insert(account.id.clone(), account);
    cloud
}
