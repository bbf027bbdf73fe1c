# One release: its target group, what runs behind it, and a host under which it can be looked at before any client is.

terraform {
  required_providers {
    aws = {
      source = "hashicorp/aws"
    }
  }
}

variable "release" {
  type = string
}

variable "vpc_id" {
  type = string
}

variable "listener_arn" {
  type = string
}

# The release is part of the name, since the group of the last one is still there when this one is made.
resource "aws_lb_target_group" "web" {
  name     = "checkout-${var.release}"
  port     = 8080
  protocol = "HTTP"
  vpc_id   = var.vpc_id

  health_check {
    path = "/healthz"
  }
}

# Checks of health begin when a rule uses the group, and ECS makes no service for a group that no balancer uses. With this
# rule of its own the stack has both before a run begins. Weir does not touch it.
resource "aws_lb_listener_rule" "preview" {
  listener_arn = var.listener_arn

  action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.web.arn
  }

  condition {
    host_header {
      values = ["${var.release}.preview.example.com"]
    }
  }
}

output "target_group" {
  value = aws_lb_target_group.web.name
}
