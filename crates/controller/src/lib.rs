//! The loop: watches, queue, answering of needs.
