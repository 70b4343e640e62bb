//! Which service answers a request.

use crate::call::{ApiError, Call, Operation, Reply, Service};
use crate::cloud::Cloud;
use crate::{account, organizations, sts, tagging};
use crate::{
    backup::api as backup, dynamodb::api as dynamodb, iam::api as iam, kms::api as kms, s3::api as s3,
    securityhub::api as securityhub,
};

/// What a call asks for, before it is done.
pub(crate) fn route(cloud: &Cloud, call: &Call) -> Result<Operation, ApiError> {
    match call.service {
        Service::Account => account::route(cloud, call),
        Service::Backup => backup::route(cloud, call),
        Service::DynamoDb => dynamodb::route(cloud, call),
        Service::Iam => iam::route(cloud, call),
        Service::Kms => kms::route(cloud, call),
        Service::Organizations => organizations::route(cloud, call),
        Service::S3 => s3::route(cloud, call),
        Service::SecurityHub => securityhub::route(cloud, call),
        Service::Sts => sts::route(cloud, call),
        Service::Tagging => tagging::route(cloud, call),
    }
}

/// Does what a call asks for.
pub(crate) fn handle(cloud: &mut Cloud, call: &Call, operation: &Operation) -> Result<Reply, ApiError> {
    match call.service {
        Service::Account => account::handle(cloud, call, operation),
        Service::Backup => backup::handle(cloud, call, operation),
        Service::DynamoDb => dynamodb::handle(cloud, call, operation),
        Service::Iam => iam::handle(cloud, call, operation),
        Service::Kms => kms::handle(cloud, call, operation),
        Service::Organizations => organizations::handle(cloud, call, operation),
        Service::S3 => s3::handle(cloud, call, operation),
        Service::SecurityHub => securityhub::handle(cloud, call, operation),
        Service::Sts => sts::handle(cloud, call, operation),
        Service::Tagging => tagging::handle(cloud, call, operation),
    }
}
