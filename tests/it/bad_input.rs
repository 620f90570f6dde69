//! What a hostile author, operator or agent may try, and the typed error that each gets.
