"""What may be done to a matter; one public function is one commit."""
