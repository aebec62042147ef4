//! Publishing engines that several outlets share: the splitter is here, the outlets are files beside it.

pub(super) mod reach;
