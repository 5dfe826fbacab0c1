//! The list of built-in templates.

macro_rules! templates {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../../templates/", $name)))),*] };
}

pub(super) const ALL: &[(&str, &str)] = templates![
    "base.html",
    "part_asker.html",
    "part_hidden.html",
    "part_methods.html",
    "part_payment.html",
    "part_error.html",
    "home.html",
    "problem.html",
    "login_email.html",
    "login_choose.html",
    "login_factor.html",
    "login_fee.html",
    "login_unmet.html",
    "login_consent.html",
    "logout.html",
    "logged_out.html",
    "register.html",
    "register_sent.html",
    "confirm.html",
    "activate.html",
    "pad.html",
    "recover.html",
    "recover_question.html",
    "recover_sent.html",
    "recover_link.html",
    "recover_stop.html",
    "form_post.html",
    "mail.html",
];
