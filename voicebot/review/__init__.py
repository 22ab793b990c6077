"""What a script may do, for those who approve it: its graph, its drawing, and the page that compliance reads (审批)."""
