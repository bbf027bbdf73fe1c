# What lasts: a listener and a rule, made by Terraform and moved by Weir; and two stacks, of which each release brings one.
# docs/terraform.md tells why each argument is as it is.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

provider "aws" {
  region = "eu-central-1"

  # Weir's marks and notes: without this Terraform removes them at the next apply.
  ignore_tags {
    key_prefixes = ["weir.dev/"]
  }
}

variable "vpc_id" {
  type = string
}

variable "load_balancer_arn" {
  type = string
}

variable "certificate_arn" {
  type = string
}

module "blue" {
  source       = "./stack"
  release      = "blue"
  vpc_id       = var.vpc_id
  listener_arn = aws_lb_listener.https.arn
}

module "green" {
  source       = "./stack"
  release      = "green"
  vpc_id       = var.vpc_id
  listener_arn = aws_lb_listener.https.arn
}

resource "aws_lb_listener" "https" {
  load_balancer_arn = var.load_balancer_arn
  port              = 443
  protocol          = "HTTPS"
  certificate_arn   = var.certificate_arn

  # No stack is named here: it could not be destroyed without a change of the listener, and a new listener would begin
  # with it. A WeightedRoute without `match` takes a fixed response over, and its first run puts a forward in its place.
  default_action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      status_code  = "404"
    }
  }

  lifecycle {
    ignore_changes  = [default_action]
    prevent_destroy = true
  }
}

# For a rule that Terraform must have, because it asks for a login, say. Leave it out, and Weir makes the rule.
resource "aws_lb_listener_rule" "search" {
  listener_arn = aws_lb_listener.https.arn
  priority     = 20

  # What a new rule begins with. Weir writes over it, and it is not set back.
  action {
    type = "fixed-response"

    fixed_response {
      content_type = "text/plain"
      status_code  = "503"
    }
  }

  condition {
    host_header {
      values = ["shop.example.com"]
    }
  }

  condition {
    path_pattern {
      values = ["/search", "/search/*"]
    }
  }

  lifecycle {
    ignore_changes  = [action]
    prevent_destroy = true
  }
}
