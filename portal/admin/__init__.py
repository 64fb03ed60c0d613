"""The agency's pages: plugins, people, mail, the town; and the pages that tell everybody the town's rules."""
