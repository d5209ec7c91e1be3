//! End-to-end tests of Portcullis: the real daemon, real git, real components
