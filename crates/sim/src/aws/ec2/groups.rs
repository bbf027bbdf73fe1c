//! Security groups: `CreateSecurityGroup`, `DescribeSecurityGroups`, `DeleteSecurityGroup`. They have no rules yet, and no
//! traffic is stopped.

use std::collections::BTreeSet;

use super::super::effect::Writer;
use super::super::elbv2::Elb;
use super::super::form::Form;
use super::super::refusal::Refusal;
use super::super::xml::Xml;
use super::fields::{invalid, missing, not_together, required, texts};
use super::filter::{Field, Filters};
use super::page::{describe, page};
use super::tags::tag_set;
use super::{Ec2, Tags};

/// Security groups of a region, a quota of AWS.
const MOST_GROUPS: usize = 2_500;
/// How the group is called that each network has.
const DEFAULT: &str = "default";

/// A security group.
#[derive(Debug)]
pub(in crate::aws) struct SecurityGroup {
    pub(in crate::aws) id: String,
    pub(super) name: String,
    pub(in crate::aws) vpc: String,
    description: String,
}

impl SecurityGroup {
    /// Whether it is the one that its network cannot be without.
    pub(super) fn is_default(&self) -> bool {
        self.name == DEFAULT
    }

    /// It in few words, as an item of a list.
    pub(super) fn identifier(&self) -> Vec<Xml> {
        vec![Xml::text("groupId", &self.id), Xml::text("groupName", &self.name)]
    }
}

const FIELDS: &[Field<SecurityGroup>] = &[
    (&["group-id"], |_, group, _| vec![group.id.clone()]),
    (&["group-name"], |_, group, _| vec![group.name.clone()]),
    (&["vpc-id"], |_, group, _| vec![group.vpc.clone()]),
    (&["description"], |_, group, _| vec![group.description.clone()]),
    (&["owner-id"], |ec2, _, _| vec![ec2.account.clone()]),
];

impl Ec2 {
    /// The security group of this identifier.
    pub(in crate::aws) fn group(&self, id: &str) -> Result<&SecurityGroup, Refusal> {
        if !id.starts_with("sg-") {
            let message = format!("Invalid id: \"{id}\" (expecting \"sg-...\")");
            return Err(Refusal::new("InvalidGroupId.Malformed", message));
        }
        self.groups.get(id).ok_or_else(|| unknown(id))
    }

    /// The security group that a network cannot be without.
    pub(in crate::aws) fn default_group_of(&self, vpc: &str) -> Option<&SecurityGroup> {
        self.group_named(vpc, DEFAULT)
    }

    fn group_named(&self, vpc: &str, name: &str) -> Option<&SecurityGroup> {
        self.groups.values().find(|group| group.vpc == vpc && group.name == name)
    }

    pub(super) fn make_default_group(&mut self, id: String, vpc: &str) {
        let (name, description) = (DEFAULT.to_owned(), "default VPC security group".to_owned());
        self.groups.insert(id.clone(), SecurityGroup { id, name, vpc: vpc.to_owned(), description });
    }

    pub(super) fn create_security_group(&mut self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let name = required(form, "GroupName")?;
        let description = required(form, "GroupDescription")?;
        check_text("groupName", name)?;
        check_text("groupDescription", description)?;
        if name.starts_with("sg-") {
            return Err(invalid("groupName", name, "Group names may not be in the format sg-*."));
        }
        if name == DEFAULT {
            let message = format!("Cannot use reserved security group name: {DEFAULT}");
            return Err(Refusal::new("InvalidGroup.Reserved", message));
        }
        let vpc = match form.text("VpcId") {
            Some(id) => self.vpc(id)?,
            None => self.default_vpc()?,
        };
        let vpc = vpc.id.clone();
        let tags = Self::read_tags_of_new(form, "security-group")?;
        if self.group_named(&vpc, name).is_some() {
            let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
            return Err(Refusal::new("InvalidGroup.Duplicate", message));
        }
        if self.groups.len() >= MOST_GROUPS {
            let message = "The maximum number of security groups has been reached.";
            return Err(Refusal::new("SecurityGroupLimitExceeded", message));
        }
        let id = self.draw_id("sg");
        let (name, description) = (name.to_owned(), description.to_owned());
        self.groups.insert(id.clone(), SecurityGroup { id: id.clone(), name, vpc, description });
        self.set_tags(writer, &id, tags);
        Ok(vec![
            Xml::text("return", true),
            Xml::text("groupId", &id),
            tag_set(self.tags.get(&id)),
            Xml::text("securityGroupArn", self.arn("security-group", &id)),
        ])
    }

    pub(super) fn describe_security_groups(&self, form: &Form, writer: &Writer) -> Result<Vec<Xml>, Refusal> {
        let (mut ids, names) = (texts(form, "GroupId"), texts(form, "GroupName"));
        for id in &ids {
            self.group(id)?;
        }
        let named = self.named_in_default_vpc(&names)?;
        ids.extend(named);
        let filters = Filters::read(form, FIELDS, true)?;
        let is_meant = |group: &&SecurityGroup| {
            (ids.is_empty() || ids.contains(group.id.as_str()))
                && filters.let_through(self, group, self.tags.get(&group.id), writer.now)
        };
        let found = self.groups.values().filter(is_meant).map(|group| (group.id.clone(), group));
        let describe_group = |group: &SecurityGroup| {
            vec![
                Xml::text("ownerId", &self.account),
                Xml::text("groupId", &group.id),
                Xml::text("groupName", &group.name),
                Xml::text("groupDescription", &group.description),
                Xml::text("vpcId", &group.vpc),
                tag_set(self.tags.get(&group.id)),
                Xml::text("securityGroupArn", self.arn("security-group", &group.id)),
            ]
        };
        Ok(describe(page(form, "GroupId", found)?, "securityGroupInfo", describe_group))
    }

    /// The identifiers of groups by their names, which are looked for in the default network.
    fn named_in_default_vpc(&self, names: &BTreeSet<&str>) -> Result<Vec<&str>, Refusal> {
        let Some(first) = names.first() else { return Ok(Vec::new()) };
        let vpc = &self.default_vpc().map_err(|_| unknown(first))?.id;
        let find =
            |name: &&str| self.group_named(vpc, name).map(|group| group.id.as_str()).ok_or_else(|| unknown(name));
        names.iter().map(find).collect()
    }

    pub(super) fn delete_security_group(
        &mut self,
        form: &Form,
        writer: &Writer,
        elb: &mut Elb,
    ) -> Result<Vec<Xml>, Refusal> {
        let id = match (form.text("GroupId"), form.text("GroupName")) {
            (Some(_), Some(_)) => return Err(not_together("groupId", "groupName")),
            (Some(id), None) => id,
            (None, Some(name)) => self.named_in_default_vpc(&BTreeSet::from([name]))?[0],
            (None, None) => return Err(missing("GroupId")),
        };
        let group = self.group(id)?;
        if group.is_default() {
            let message = format!("the specified group: \"{id}\" name: \"{DEFAULT}\" cannot be deleted by a user");
            return Err(Refusal::new("CannotDelete", message));
        }
        let id = group.id.clone();
        let has_it = |instance: &super::Instance| instance.groups.contains(&id) && !instance.is_terminated(writer.now);
        if self.instances.values().any(has_it) || elb.uses_security_group(&id) {
            return Err(Refusal::new("DependencyViolation", format!("resource {id} has a dependent object")));
        }
        self.groups.remove(&id);
        self.set_tags(writer, &id, Tags::new());
        Ok(vec![Xml::text("return", true), Xml::text("groupId", id)])
    }
}

fn unknown(group: &str) -> Refusal {
    Refusal::new("InvalidGroup.NotFound", format!("The security group '{group}' does not exist"))
}

/// Names and descriptions: up to 255 of the characters that AWS takes in networks.
fn check_text(parameter: &str, text: &str) -> Result<(), Refusal> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(letter);
    if text.chars().count() > 255 || !text.chars().all(fits) {
        let why = "Character sets beyond ASCII are not supported, and no more than 255 characters.";
        return Err(invalid(parameter, text, why));
    }
    Ok(())
}
