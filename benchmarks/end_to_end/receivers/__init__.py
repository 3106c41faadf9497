"""The systems that events go to: each makes an empty place, tells how many events are in it, and reads them back."""
