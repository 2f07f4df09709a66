//! What verbs over whole rows give: the rows, their columns, and what is refused.
