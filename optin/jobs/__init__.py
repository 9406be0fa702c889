"""Jobs: loops beside the requests: courier, sweep, log keeper, webhook sender, anchors."""
