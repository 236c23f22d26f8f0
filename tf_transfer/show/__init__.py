"Figures, reports, and the classroom."
