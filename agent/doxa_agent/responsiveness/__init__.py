"""Responsiveness under working conditions (draft-ietf-ippm-responsiveness): the full RPM test over HTTP/2."""
